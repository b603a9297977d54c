"""Several classifiers as one, whose probabilities are the mean of theirs."""

from collections.abc import Iterable, Mapping

from reticnn.classifier import Classifier, as_classifier, as_model
from reticnn.coercion import as_floats, shown, tidy_name
from reticnn.evaluation.cross_validated import CrossValidation
from reticnn.graph import own_methods
from reticnn.layers.mean_probabilities import MeanProbabilities
from reticnn.memory import SeenImages, fingerprint, seen_by
from reticnn.notation import in_words
from reticnn.outputs import kind_of_classifier, meaning_of
from reticnn.outputs.class_shares import of_members
from reticnn.prediction.other_values import are_of_other_values
from reticnn.runtime.backend import keras

# Keras calls these on the model that predicts, but not on one within it.
_OF_PREDICTION = {
    "make_predict_function",
    "predict",
    "predict_on_batch",
    "predict_step",
}


def ensemble_classifiers(classifiers, *, weights=None):
    """Combine several classifiers into one: the mean of their probabilities.

    The result has one Keras model, which contains those of the classifiers and shares
    their weights, so it is used, saved and loaded like any classifier. Its classes are
    those of the first classifier, in that order; the others' are matched by name. It
    has seen all images that any of them was trained on. It cannot be trained further:
    train the classifiers, and combine them again.

    Args:
        classifiers: List of two or more classifiers of the same classes, which take
            images of the same size, read and resized in the same way; their models may
            differ. Or what `cross_validate` returned, for the classifiers of its folds.
        weights: Numbers of at least 0, one per classifier, that say how much each
            counts; those with 0 are left out. Or None for equal weights. Default None.

    Returns:
        Classifier. If one of the models can assign an image to none of the classes, as
        LeNet-5 with prototypes does, probabilities sum to less than 1.

    Raises:
        TypeError: If they are not classifiers.
        ValueError: If there are fewer than two, two of them have the same model, or
            they differ in their classes, in the images they take, in the values of
            these or in how they were read or resized; or if `weights` are not one per
            classifier, or all 0.

    Warns:
        StaleClassifierWarning: If the model of a classifier has changed since.

    Example:
        >>> data = shape_images(300, seed=1)
        >>> members = [
        ...     fit_classifier(build_cnn(seed=n), data, epochs=3) for n in (1, 2, 3)
        ... ]
        >>> ensemble = ensemble_classifiers(members)
        >>> evaluate_classifier(ensemble, shape_images(200, seed=2))["accuracy"]
        0.97

    Source:
        Hansen and Salamon (1990), IEEE PAMI 12. Lakshminarayanan, Pritzel and Blundell
        (2017), arXiv:1612.01474.
    """
    members = _as_members(classifiers)
    members, weights = _weighted(members, weights)
    _check_apart(members)
    class_names = members[0].class_names
    orders = [_order(member, class_names, at) for at, member in enumerate(members, 1)]
    _check_same_images(members)
    _check_same_values(members)
    model = _mean_model(members, orders, weights)
    seen = SeenImages()
    for member in members:
        seen |= member.seen | seen_by(member.model)
    return Classifier(
        model,
        list(class_names),
        {"epoch": []},
        resize=_common(members, "resize", shown),
        reading=_common_reading(members),
        augmentation=_common_policy(members),
        output=meaning_of(model).kind,
        trained_with=_common_values(members),
        seen=seen,
        class_shares=of_members(
            [member.class_shares for member in members], orders, weights
        ),
        weights=fingerprint(model),
    )


def _as_members(classifiers):
    """Return the classifiers as a list."""
    if isinstance(classifiers, CrossValidation):
        classifiers = classifiers.classifiers
    if isinstance(classifiers, (Classifier, keras.Model, str, Mapping)) or not (
        isinstance(classifiers, Iterable)
    ):
        several = in_words("[first, second]", "list(first, second)")
        raise TypeError(
            f"`classifiers` must be a list of classifiers, not {shown(classifiers)}. "
            f"Give several, as in `{several}`."
        )
    members = [as_classifier(member, "classifiers") for member in classifiers]
    if len(members) < 2:
        raise ValueError(
            f"`classifiers` has {len(members)} classifier{'s' * (len(members) != 1)}, "
            "and an ensemble needs two or more. Train another one."
        )
    for member in members:
        member.output = kind_of_classifier(member, name="classifiers")
    return members


def _weighted(members, weights):
    """Return the classifiers that count, and how much each does."""
    if weights is None:
        return members, [1 / len(members)] * len(members)
    weights = as_floats(weights, "weights", minimum=0)
    if len(weights) != len(members):
        raise ValueError(
            f"`weights` must be one number per classifier, {len(members)}, not "
            f"{len(weights)}: {shown(weights)}."
        )
    total = sum(weights)
    if total == 0:
        raise ValueError(
            "`weights` are all 0, so no classifier counts. Give some of them more."
        )
    pairs = [
        (member, weight / total)
        for member, weight in zip(members, weights, strict=True)
        if weight
    ]
    return map(list, zip(*pairs, strict=True))


def _check_apart(members):
    """Raise if two classifiers have one model, which would count twice."""
    models = [as_model(member.model, "classifiers") for member in members]
    # A file may have been loaded twice.
    texts = [(model.count_params(), fingerprint(model)) for model in models]
    for at, model in enumerate(models):
        first = texts.index(texts[at])
        if first < at:
            raise ValueError(
                f"`classifiers` has the same model as number {first + 1} and number "
                f"{at + 1}. Leave one of them out, or let it count more by `weights`; "
                "training a model further changes it for all classifiers made of it."
            )
        own = _OF_PREDICTION.intersection(own_methods(model))
        if own:
            raise ValueError(
                f"`classifiers` has a {type(model).__name__} as number {at + 1}, which "
                f"predicts in its own way, by {shown(sorted(own))}, and would not as "
                "a part of an ensemble. Leave it out."
            )


def _order(member, class_names, number):
    """Return the position of each class among those of a classifier."""
    own = {tidy_name(name): at for at, name in enumerate(member.class_names)}
    order = [own.get(tidy_name(name)) for name in class_names]
    if None in order or len(own) != len(order):
        raise ValueError(
            f"`classifiers` have different classes: number 1 has "
            f"{shown(list(class_names))}, and number {number} has "
            f"{shown(list(member.class_names))}. Train all of them on data with the "
            "same `class_names`."
        )
    return order


def _check_same_images(members):
    """Raise if the classifiers take images of different sizes or channels."""
    for number, member in enumerate(members, 1):
        first, own = members[0].image_shape, member.image_shape
        if tuple(first) != tuple(own):
            raise ValueError(
                f"`classifiers` take different images (height x width x channels): "
                f"number 1 takes {_size(first)}, and number {number} takes "
                f"{_size(own)}. Train all of them at one size."
            )


def _check_same_values(members):
    """Raise if some were trained on pixels of 0 to 255, and others on, say, -2 to 2."""
    known = [
        (at, member, max(map(abs, member.value_ends or (0, 255))))
        for at, member in enumerate(members, 1)
        if member.trained_with is not None
    ]
    if not known:
        return
    low, high = (pick(known, key=lambda one: one[2]) for pick in (min, max))
    if are_of_other_values(high[2], (0, low[2])):
        first, other = sorted([low[:2], high[:2]], key=lambda one: one[0])
        raise ValueError(
            "`classifiers` were trained on images of different values: number "
            f"{first[0]} on {first[1].values}, and number {other[0]} on "
            f"{other[1].values}. Train all of them on images with the same values."
        )


def _common_values(members):
    """Return the ends of unusual values of pixels, as facts by name, or None."""
    ends = [member.value_ends for member in members if member.value_ends]
    if not ends:
        return None
    lows, highs = zip(*ends, strict=True)
    return {"lowest_value": min(lows), "highest_value": max(highs)}


def _size(shape):
    return " x ".join(str(side or "any") for side in shape)


def _common(members, name, words):
    """Return what all classifiers that know it have as an attribute, or None."""
    known = [(at, getattr(member, name)) for at, member in enumerate(members, 1)]
    known = [(at, value) for at, value in known if value is not None]
    for at, value in known:
        if value != known[0][1]:
            raise _differ(name, known[0], (at, value), words)
    return known[0][1] if known else None


def _common_reading(members):
    """Return how the files of all classifiers were read, or None."""
    known = [(at, member.reading) for at, member in enumerate(members, 1)]
    known = [(at, reading) for at, reading in known if reading is not None]
    for at, reading in known:
        first = known[0][1]
        if not first.agrees_with(reading) or first.has_reader != reading.has_reader:
            raise _differ("reading", known[0], (at, reading), _way_of_reading)
    return known[0][1] if known else None


def _way_of_reading(reading):
    return reading.described() or "their types"


def _differ(name, first, other, words):
    what = {"resize": "resized", "reading": "read"}[name]
    numbers = "`value_range`, in numbers, such as `value_range=(0, 4095)`"
    fix = f", with the same {numbers}, if they differ in that" * (name == "reading")
    return ValueError(
        f"`classifiers` were trained on images {what} in different ways: number "
        f"{first[0]} by {words(first[1])}, and number {other[0]} by {words(other[1])}. "
        f"Train all of them on images {what} in one way{fix}."
    )


def _common_policy(members):
    """Return the policy that all classifiers were trained with, or None.

    Test-time augmentation takes it; where they differ, there is none for all.
    """
    policies = [member.augmentation for member in members]
    configs = [policy and policy.to_config() for policy in policies]
    return policies[0] if all(one == configs[0] for one in configs) else None


def _mean_model(members, orders, weights):
    """Return the model whose parts are those of the classifiers."""
    image = keras.Input(members[0].image_shape, name="images")
    outputs, known = [], []
    for number, (member, order) in enumerate(zip(members, orders, strict=True), 1):
        model = member.model
        # Several models may have one name, and layers of a model may not. With an input
        # of its own, a copy has as many parts.
        inputs = keras.Input(members[0].image_shape)
        part = keras.Model(inputs, model(inputs), name=f"member_{number}")
        outputs.append(part(image))
        distance = member.output == "distances"
        j = meaning_of(model).operation.j if distance else None
        known.append({"kind": member.output, "order": order, "j": j})
    mean = MeanProbabilities(known, weights, name="mean", dtype="float32")(outputs)
    return keras.Model(image, mean, name=f"ensemble_of_{len(members)}")
