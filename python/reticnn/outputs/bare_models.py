"""Classifiers, and Keras models without class names, as classifiers."""

from reticnn.classifier import Classifier, as_classifier, as_model
from reticnn.coercion import as_class_names, shown
from reticnn.graph import check_images_known
from reticnn.runtime.backend import NeedingKeras, is_model

count_classes = NeedingKeras("reticnn.outputs.meaning", "count_classes")
output_kind = NeedingKeras("reticnn.outputs.meaning", "output_kind")


def as_classifier_or_model(value, class_names=None, output="auto", name="classifier"):
    """Return a classifier as it is, and a Keras model as a classifier.

    Args:
        value: Classifier or Keras model.
        class_names: Names of a model's classes in the order of its outputs, or None to
            call them class_1, class_2 and so on.
        output: What a model's outputs are, as `output_kind` takes it.
        name: The argument's name, for messages.

    Raises:
        TypeError: If `value` is neither.
        ValueError: If a classifier, which has class names and knows its outputs, is
            given others, if the model has another number of classes, it is not known
            what its outputs are, or it does not know yet how images are standardised.
    """
    if not is_model(value):
        classifier = as_classifier(value, name)
        check_images_known(classifier.network, name)
        if class_names is not None:
            raise ValueError(
                f"`class_names` is {shown(class_names)}, but the classifier "
                f"already has the names {shown(classifier.class_names)}. Leave "
                f"`class_names` out, or give the classifier's model as `{name}`."
            )
        classifier.output = kind_of_classifier(classifier, output, name)
        return classifier
    model = as_model(value, name)
    check_images_known(model, name)
    num_classes = count_classes(model)
    kind = output_kind(model, output, name)
    if class_names is None:
        class_names = [f"class_{number + 1}" for number in range(num_classes)]
    class_names = as_class_names(class_names)
    if len(class_names) != num_classes:
        raise ValueError(
            f"`class_names` must name the {num_classes} classes of the model, not "
            f"{len(class_names)}: {shown(class_names)}."
        )
    return Classifier(model, class_names, {"epoch": []}, output=kind)


def kind_of_classifier(classifier, output="auto", name="classifier"):
    """Return what the outputs of a classifier's model are, which it knows itself.

    Raises:
        ValueError: If something else is said.
    """
    kind = classifier.output or output_kind(classifier.model, output, name)
    if output not in (None, "auto", kind):
        raise ValueError(
            f"`output` is {shown(output)}, but the classifier's model gives {kind}. "
            f"Leave `output` out.{_if_a_file(output)}"
        )
    return kind


def _if_a_file(output):
    """Return what to use for a table in a file, where that is what somebody wants."""
    is_file = str(output).lower().endswith((".csv", ".parquet"))
    return " A file of predictions is written by `write_predictions()`." * is_file
