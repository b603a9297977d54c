"""Pictures of data, models and training, as figures of matplotlib."""

from reticnn.plots.animation import save_animation
from reticnn.plots.architecture import plot_architecture
from reticnn.plots.attribution import plot_explanation
from reticnn.plots.attribution_scores import plot_explanation_scores
from reticnn.plots.charts import (
    plot_confusion,
    plot_description,
    plot_history,
    plot_ladder,
    plot_rates,
)
from reticnn.plots.class_images import plot_class_images
from reticnn.plots.embedded_points import plot_embedding
from reticnn.plots.evaluation_curves import plot_curve
from reticnn.plots.evaluation_dots import plot_by, plot_comparison
from reticnn.plots.evaluation_stress import plot_stress
from reticnn.plots.folds import plot_cross_validation
from reticnn.plots.growing_field import plot_receptive_field
from reticnn.plots.images import (
    plot_augmentation,
    plot_feature_maps,
    plot_filters,
    plot_images,
    plot_review,
)
from reticnn.plots.maps import plot_tiles
from reticnn.plots.neighbours import plot_similar_images
from reticnn.plots.searches import plot_tuning
from reticnn.plots.shifted_images import plot_shift_response
from reticnn.plots.sliding import plot_window

__all__ = [
    "plot_architecture",
    "plot_augmentation",
    "plot_by",
    "plot_class_images",
    "plot_comparison",
    "plot_confusion",
    "plot_cross_validation",
    "plot_curve",
    "plot_description",
    "plot_embedding",
    "plot_explanation",
    "plot_explanation_scores",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_images",
    "plot_ladder",
    "plot_rates",
    "plot_receptive_field",
    "plot_review",
    "plot_shift_response",
    "plot_similar_images",
    "plot_stress",
    "plot_tiles",
    "plot_tuning",
    "plot_window",
    "save_animation",
]
