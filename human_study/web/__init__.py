"""The web application: the rater's pages, the researcher's page, and what keeps both safe."""

from genspace.human_study.web.app import create_app, serve

__all__ = ["create_app", "serve"]
