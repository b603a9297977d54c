"""What a model is: its layers, filters, feature maps and diagram."""

from reticnn.inspection.costs import separable_costs
from reticnn.inspection.diagram import architecture
from reticnn.inspection.filters import feature_maps, layer_filters
from reticnn.inspection.layers import layer_table
from reticnn.inspection.summary import describe_model

__all__ = [
    "architecture",
    "describe_model",
    "feature_maps",
    "layer_filters",
    "layer_table",
    "separable_costs",
]
