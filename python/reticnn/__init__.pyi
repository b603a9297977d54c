# What __init__.py imports at first use, for editors and type checkers.

from reticnn.augmenting import (
    aug_mix as aug_mix,
    augment as augment,
    augmentation as augmentation,
    auto_augment as auto_augment,
    pca_color as pca_color,
    rand_augment as rand_augment,
    three_augment as three_augment,
    trivial_augment as trivial_augment,
)
from reticnn.augmenting.aug_mix import AugMix as AugMix
from reticnn.augmenting.autoaugment import (
    AutoAugment as AutoAugment,
    RandAugment as RandAugment,
    TrivialAugment as TrivialAugment,
)
from reticnn.augmenting.compose import Augmentation as Augmentation
from reticnn.augmenting.layer import augmentation_layer as augmentation_layer
from reticnn.augmenting.policy import Policy as Policy
from reticnn.augmenting.sequence import Sequence as Sequence
from reticnn.augmenting.three_augment import ThreeAugment as ThreeAugment
from reticnn.blocks import (
    classifier_head as classifier_head,
    conv_block as conv_block,
    convnext_block as convnext_block,
    dense_block as dense_block,
    domain_adapter as domain_adapter,
    global_pool as global_pool,
    inception_module as inception_module,
    residual_block as residual_block,
    separable_block as separable_block,
    transition_block as transition_block,
)
from reticnn.classifier import Classifier as Classifier
from reticnn.data import (
    cats_and_dogs as cats_and_dogs,
    check_images as check_images,
    fold_images as fold_images,
    image_arrays as image_arrays,
    image_folder as image_folder,
    image_memory as image_memory,
    image_table as image_table,
    image_tiles as image_tiles,
    load_images as load_images,
    shape_images as shape_images,
    shuffle_pixels as shuffle_pixels,
    split_images as split_images,
)
from reticnn.data.image_data import ImageData as ImageData
from reticnn.evaluation import (
    calibrate_classifier as calibrate_classifier,
    compare_classifiers as compare_classifiers,
    evaluate_classifier as evaluate_classifier,
    evaluation_curve as evaluation_curve,
    novelty_scores as novelty_scores,
    novelty_threshold as novelty_threshold,
    prediction_sets as prediction_sets,
    stress_test as stress_test,
)
from reticnn.evaluation.cross_validated import CrossValidation as CrossValidation
from reticnn.explanation import (
    class_image as class_image,
    embed_images as embed_images,
    explain_prediction as explain_prediction,
    explanation_scores as explanation_scores,
    similar_images as similar_images,
)
from reticnn.explanation.explained import Explanation as Explanation
from reticnn.explanation.imagined import ClassImages as ClassImages
from reticnn.explanation.scored import ExplanationScores as ExplanationScores
from reticnn.explanation.similar import SimilarImages as SimilarImages
from reticnn.export import export_classifier as export_classifier
from reticnn.inspection import (
    architecture as architecture,
    describe_model as describe_model,
    feature_maps as feature_maps,
    layer_filters as layer_filters,
    layer_table as layer_table,
    layer_window as layer_window,
    receptive_field as receptive_field,
    separable_costs as separable_costs,
    shift_response as shift_response,
    sliding_window as sliding_window,
)
from reticnn.installation import reticnn_check as reticnn_check
from reticnn.landmarks import (
    convnext_ladder as convnext_ladder,
    landmark_architectures as landmark_architectures,
)
from reticnn.models import (
    build_cnn as build_cnn,
    build_mlp as build_mlp,
    landmark_model as landmark_model,
    transfer_model as transfer_model,
)
from reticnn.plots.animation import save_animation as save_animation
from reticnn.plots.architecture import plot_architecture as plot_architecture
from reticnn.plots.attribution import plot_explanation as plot_explanation
from reticnn.plots.attribution_scores import (
    plot_explanation_scores as plot_explanation_scores,
)
from reticnn.plots.charts import (
    plot_confusion as plot_confusion,
    plot_description as plot_description,
    plot_history as plot_history,
    plot_ladder as plot_ladder,
    plot_rates as plot_rates,
)
from reticnn.plots.class_images import plot_class_images as plot_class_images
from reticnn.plots.embedded_points import plot_embedding as plot_embedding
from reticnn.plots.evaluation_curves import plot_curve as plot_curve
from reticnn.plots.evaluation_dots import (
    plot_by as plot_by,
    plot_comparison as plot_comparison,
)
from reticnn.plots.evaluation_stress import plot_stress as plot_stress
from reticnn.plots.folds import plot_cross_validation as plot_cross_validation
from reticnn.plots.growing_field import plot_receptive_field as plot_receptive_field
from reticnn.plots.images import (
    plot_augmentation as plot_augmentation,
    plot_feature_maps as plot_feature_maps,
    plot_filters as plot_filters,
    plot_images as plot_images,
    plot_review as plot_review,
)
from reticnn.plots.maps import plot_tiles as plot_tiles
from reticnn.plots.neighbours import plot_similar_images as plot_similar_images
from reticnn.plots.searches import plot_tuning as plot_tuning
from reticnn.plots.shifted_images import plot_shift_response as plot_shift_response
from reticnn.plots.sliding import plot_window as plot_window
from reticnn.prediction import (
    predict_images as predict_images,
    write_predictions as write_predictions,
)
from reticnn.pretrained import (
    backbones as backbones,
    freeze as freeze,
    unfreeze as unfreeze,
)
from reticnn.reporting import (
    report_classifier as report_classifier,
    report_explanation as report_explanation,
)
from reticnn.review import review_images as review_images
from reticnn.review.findings import Review as Review
from reticnn.saving import (
    load_classifier as load_classifier,
    save_classifier as save_classifier,
)
from reticnn.serving import serve_classifier as serve_classifier
from reticnn.serving.apart import ServerApart as ServerApart
from reticnn.serving.serve import Server as Server
from reticnn.teaching import teaching_kit as teaching_kit
from reticnn.training import (
    find_learning_rate as find_learning_rate,
    fine_tune as fine_tune,
    fit_classifier as fit_classifier,
    learn_augmentation as learn_augmentation,
    training_recipe as training_recipe,
)
from reticnn.training.recipes import Recipe as Recipe
from reticnn.tuning import (
    choice_of as choice_of,
    cross_validate as cross_validate,
    ensemble_classifiers as ensemble_classifiers,
    log_range as log_range,
    real_range as real_range,
    tune_classifier as tune_classifier,
    whole_range as whole_range,
)
from reticnn.tuning.search_space import (
    SettingChoices as SettingChoices,
    SettingRange as SettingRange,
)
from reticnn.tuning.tuned import Tuning as Tuning

__version__: str
__all__: list[str]
