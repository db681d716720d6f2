"""Answers out and in, payments, surveys: every exporter with the importer that takes it back unchanged."""
