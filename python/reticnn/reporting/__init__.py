"""Pages about a classifier, and about what it sees in images."""

from reticnn.reporting.page_of_maps import report_explanation
from reticnn.reporting.report import report_classifier

__all__ = ["report_classifier", "report_explanation"]
