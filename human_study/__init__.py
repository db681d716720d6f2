"""Asking people: design, web app, quality, exchange.

`answers` reads what raters said, as an annotations frame; the web application needs the extra `web`.
"""

from genspace.human_study.design import Design, load_design
from genspace.human_study.reading import answers, read_recorded

__all__ = ["Design", "answers", "load_design", "read_recorded"]
