"""Asking people: design, web app, quality, exchange."""
