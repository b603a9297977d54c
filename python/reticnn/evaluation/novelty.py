"""Whether images are like nothing that a classifier has seen."""

import numpy as np

from reticnn.classifier import as_classifier
from reticnn.coercion import as_choice, as_float, as_int
from reticnn.data.accepting import image_data_of
from reticnn.data.hashing import hashed, hashes_of
from reticnn.data.listing import as_bad_image_rule
from reticnn.evaluation.coverage import number_needed, rank_of_threshold
from reticnn.evaluation.unseen import check_unseen
from reticnn.outputs import kind_of_classifier
from reticnn.outputs.reference import METHODS, MOST_NEIGHBOURS, OF_FEATURES, Reference
from reticnn.prediction.accepting_images import images_to_predict
from reticnn.prediction.conformal import draws_of
from reticnn.prediction.novel_images import (
    check_method,
    features_of,
    images_as_taken,
    novelty_of,
    says_novel,
)
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.progress import as_step_progress

DEFAULT = "neighbours"


def novelty_scores(
    classifier,
    images,
    *,
    method=None,
    reference=None,
    batch_size=32,
    on_bad_image="error",
    progress="auto",
):
    """Score how unlike a classifier's training images new images are.

    A classifier takes any image for one of its classes, a car for a cat or a dog.
    Images unlike anything it knows have high scores here. Scores from different methods
    or classifiers cannot be compared.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`.
        images: Images, as in `predict_images`.
        method: `"neighbours"`, the distance of the features that the last layer
            classifies (for an ensemble, of its probabilities) from those of the 10th
            closest image of `reference`, where only their direction counts;
            `"mahalanobis"`, their distance from the closest class mean, relative to how
            features vary within classes; `"energy"`, how low the scores of all classes
            are together; `"softmax"`, 1 minus the highest probability; `"distance"`,
            from the closest prototype, for models that output distances. None for what
            `novelty_threshold` has stored with the classifier, or else `"neighbours"`.
            Default None.
        reference: For `"neighbours"` and `"mahalanobis"`, image data to compare with,
            such as the training images, with labels for the second; or None for what is
            stored with the classifier. Default None.
        batch_size: Whole number of images per batch. Default 32.
        on_bad_image: As in `predict_images`. Default `"error"`.
        progress: As in `predict_images`. Default `"auto"`.

    Returns:
        Table (dict of equal-length lists) with one row per image: `.novelty`, higher
        for more novel images, and NaN if the model returns NaN; `.novel`, whether that
        is above the threshold, if the classifier has one for this method; and for files
        `.file`, the path.

    Raises:
        TypeError: If `classifier` is not a classifier, or `images` is not one of these.
        FileNotFoundError: If a path does not exist.
        ValueError: If the method does not suit the model, if there are no images to
            compare with, if they are given but not needed, or lack labels that are
            needed; or as in `predict_images`.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If images are resized.

    Example:
        >>> data = shape_images(600, seed=1)
        >>> classifier = fit_classifier(build_cnn(), data)
        >>> others = shape_images(3, 3, seed=2)
        >>> novelty_scores(classifier, others, reference=data)[".novelty"]
        [0.041, 0.036, 0.197]

    Source:
        Energy: Liu, Wang, Owens and Li (2020), arXiv:2010.03759. Softmax: Hendrycks and
        Gimpel (2017), arXiv:1610.02136. Mahalanobis: Lee, Lee, Lee and Shin (2018),
        arXiv:1807.03888, of the last features, with the covariance of Ledoit and Wolf
        (2004), Journal of Multivariate Analysis 88. Neighbours: Sun, Ming, Zhu and Li
        (2022), arXiv:2204.06507. Distance: LeCun et al. (1998), Proceedings of the
        IEEE. Features of more than 512 numbers are first summed with random signs to
        512, and of more than 2,000 images, 2,000 serve as neighbours.
    """
    start_progress = as_step_progress(progress)
    classifier = as_classifier(classifier)
    kind_of_classifier(classifier)
    kept = classifier.novelty
    method = _as_method(method, kept["method"] if kept else DEFAULT)
    check_method(classifier, method)
    rule = as_bad_image_rule(on_bad_image)
    batch_size = as_int(batch_size, "batch_size")
    own = kept if kept and kept["method"] == method and reference is None else None
    if own:
        found = own["reference"]
    else:
        found = _as_reference(classifier, method, reference, batch_size, start_progress)
    data = images_to_predict(images, classifier.image_shape, classifier, rule)
    taken = images_as_taken(classifier, data)
    scores = novelty_of(classifier, taken, method, found, batch_size, start_progress)
    table = {".novelty": scores.tolist()}
    if own:
        table[".novel"] = says_novel(scores, own["threshold"])
    return table if data.files is None else {**table, ".file": data.files}


def novelty_threshold(
    classifier,
    data,
    *,
    share=0.05,
    method=DEFAULT,
    reference=None,
    batch_size=32,
    progress="auto",
):
    """Let a classifier recognise images that are unlike anything it knows.

    `predict_images` then says so for each image, in the column `.novel`.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`. It is not
            changed.
        data: Image data, or the path of a folder: images of the expected kind, like
            those trained on, but not the same ones. They need no labels.
        share: Share of such images that may be called novel nonetheless, in (0, 1): of
            new images drawn like those in `data`, at most that many are. The lower it
            is, the more novel images are missed. Default 0.05.
        method: As in `novelty_scores`. Default `"neighbours"`.
        reference: As in `novelty_scores`; what is needed from it is stored with the
            classifier and in its file, 4 MB at most. Default None.
        batch_size: Whole number of images per batch. Default 32.
        progress: As in `predict_images`. Default `"auto"`.

    Returns:
        Classifier with the same model, whose `novelty` is a dict: `method`, `share`,
        `threshold`, the number of `images` it was found from, and `reference`, what is
        stored about the images compared with, or None.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the classifier was trained on some of the images, or some are
            also in `reference`; if there are fewer than the share requires, which the
            message states; or as in `novelty_scores`.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        SeenImagesWarning: If the classifier was validated or calibrated on some of the
            images.
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If images are resized, or the model returns NaN for some, which are
            then left out.

    Example:
        >>> parts = split_images(shape_images(600), (0.6, 0.2, 0.2), seed=1)
        >>> classifier = fit_classifier(build_cnn(), parts["train"])
        >>> careful = novelty_threshold(
        ...     classifier, parts["validation"], reference=parts["train"]
        ... )
        >>> sum(predict_images(careful, parts["test"])[".novel"])
        5

    Source:
        The threshold is that of conformal prediction: Bates, Candes, Lei, Romano and
        Sesia (2023), Annals of Statistics 51.
    """
    start_progress = as_step_progress(progress)
    classifier = as_classifier(classifier)
    kind_of_classifier(classifier)
    share = as_float(share, "share", above=0, below=1)
    method = _as_method(method, DEFAULT)
    check_method(classifier, method)
    batch_size = as_int(batch_size, "batch_size")
    data = image_data_of(data, resize=classifier.resize, reading=classifier.reading)
    _check_enough(len(data), share)
    taken = hashed(images_as_taken(classifier, data, "data"))
    known = []
    found = _as_reference(
        classifier, method, reference, batch_size, start_progress, known
    )
    scores = novelty_of(classifier, taken, method, found, batch_size, start_progress)
    hashes = hashes_of(taken)
    check_unseen(classifier, hashes, "A threshold")
    _check_apart(hashes, known)
    missing = np.isnan(scores)
    if missing.any():
        warn_user(
            f"The model returns NaN for {missing.sum()} of {len(scores)} images of "
            "`data`, which are left out."
        )
        scores = scores[~missing]
        _check_enough(len(scores), share)
    rank = rank_of_threshold(len(scores), 1 - share)
    return classifier.changed(
        novelty={
            "method": method,
            "share": share,
            "threshold": float(np.sort(scores)[rank - 1]),
            "images": len(scores),
            "reference": found,
        }
    )


def _as_method(method, default):
    return default if method is None else as_choice(method, "method", METHODS)


def _as_reference(
    classifier, method, reference, batch_size, start_progress, known=None
):
    """Return the `Reference` of images to compare with, or None where none are needed.

    Args:
        classifier: Classifier.
        method: One of `METHODS`.
        reference: What the user gave.
        batch_size: Whole number of images per batch.
        start_progress: As `novelty_of` takes it.
        known: List that the hashes of the images are added to, or None.
    """
    if method not in OF_FEATURES:
        if reference is not None:
            raise ValueError(
                f"`reference` is given, but `method={method!r}` compares with no other "
                "images. Leave it out."
            )
        return None
    if reference is None:
        raise ValueError(
            f"`reference` is missing: `method={method!r}` compares images with others "
            "that are known. Give image data, such as the training images, or use "
            "another method."
        )
    data = image_data_of(
        reference, "reference", resize=classifier.resize, reading=classifier.reading
    )
    if method == "mahalanobis":
        if data.codes is None:
            raise ValueError(
                "`reference` has no labels, which `method='mahalanobis'` takes to know "
                "how features vary within the classes. Give them to `image_arrays()` "
                "or `image_table()`, or use `method='neighbours'`."
            )
        data = data.with_classes(classifier.class_names, "reference")
    taken = hashed(images_as_taken(classifier, data, "reference"))
    features = features_of(classifier, taken, batch_size, start_progress)
    hashes = hashes_of(taken)
    if known is not None:
        known.append(hashes)
    finite = np.isfinite(features).all(axis=1)
    if not finite.any():
        raise ValueError(
            "`reference` has no image for which the model gives features: all are NaN. "
            "Look at the weights of the model."
        )
    if method == "mahalanobis":
        return Reference.of_classes(features[finite], data.codes[finite])
    features, hashes = features[finite], hashes[finite]
    # The same ones in any order.
    some = np.lexsort([hashes, draws_of(hashes)])[:MOST_NEIGHBOURS]
    return Reference.of_images(features[some])


def _check_enough(count, share):
    """Raise if there are too few images for the share, and say how many it takes."""
    least = number_needed(1 - share)
    if count < least:
        raise ValueError(
            f"`share` of {share:g} needs at least {least} images that the classifier "
            f"was not trained on, and `data` has {count}. Give more, or a larger share."
        )


def _check_apart(hashes, known):
    """Raise if images are among those that they are compared with."""
    for others in known:
        count = int(np.isin(hashes, others).sum())
        if count:
            raise ValueError(
                f"`data` has {count} of {len(hashes)} images that are in `reference` "
                "too, to which they have no distance. Give others."
            )
