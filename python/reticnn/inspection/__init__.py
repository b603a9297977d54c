"""What a model is: its layers, filters, feature maps and diagram."""

from reticnn.inspection.costs import separable_costs
from reticnn.inspection.diagram import architecture
from reticnn.inspection.filters import feature_maps, layer_filters
from reticnn.inspection.layers import layer_table
from reticnn.inspection.receptive_field import receptive_field
from reticnn.inspection.shifts import shift_response
from reticnn.inspection.summary import describe_model
from reticnn.inspection.windows import layer_window, sliding_window

__all__ = [
    "architecture",
    "describe_model",
    "feature_maps",
    "layer_filters",
    "layer_table",
    "layer_window",
    "receptive_field",
    "separable_costs",
    "shift_response",
    "sliding_window",
]
