"""The web application: the rater's pages, the researcher's page, and what keeps both safe."""
