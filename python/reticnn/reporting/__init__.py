"""A page about a classifier, to look at and to send to someone."""

from reticnn.reporting.report import report_classifier

__all__ = ["report_classifier"]
