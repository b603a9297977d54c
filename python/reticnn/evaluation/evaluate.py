"""Evaluate a classifier on labelled images."""

from reticnn.evaluation.measuring import measured


def evaluate_classifier(
    classifier,
    data,
    *,
    class_names=None,
    batch_size=32,
    progress="auto",
    output="auto",
    summarise=None,
    intervals=0.95,
    groups=None,
    top_k=None,
    threshold=None,
    costs=None,
    prior=None,
    by=None,
):
    """Evaluate a classifier on labelled images.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model from images to classes.
        data: Image data with labels, of the classifier's classes or some of them, in
            any order; or the path of a folder with a subfolder of images per class.
        class_names: For a Keras model, the names of its classes in the order of its
            outputs, or None for those of the data in their order. Default None.
        batch_size: Whole number of images per batch. Default 32.
        progress: As in `predict_images`. Default `"auto"`.
        output: For a Keras model, what it outputs, as in `predict_images`. Default
            `"auto"`.
        summarise: For tiles, from `image_tiles`: how the predictions for the tiles of
            an image become one, as in `predict_images`; each image then counts once,
            and its loss is the log loss. None evaluates the tiles. Default None.
        intervals: Confidence level of the intervals, in (0, 1), or None for no
            intervals. Default 0.95.
        groups: Which images belong together, such as those of one patient, if the
            images are not independent: one text or whole number per image, or the name
            of a fact about them. The intervals then come from drawing whole groups.
            None for the groups of `data`, if it has any. Default None.
        top_k: Whole number k, or several: also measures how often the true class is
            among the k most probable ones. None for no such measure. Default None.
        threshold: For two classes, a number in [0, 1]: the second class is predicted if
            its probability is above it; or the name of a measure, `"accuracy"`,
            `"balanced_accuracy"`, `"f1"` (of the second class), `"kappa"`, `"mcc"` or
            `"mean_cost"`, to choose the threshold at which that measure is best on
            these images, where it will look a little better than on others. None
            predicts the most probable class. Default None.
        costs: What it costs to predict one class when another is true: dict by true
            class of dicts by predicted class, or an array with the true classes in
            rows, rows and columns in the order of the classifier's classes. Without a
            `threshold`, the class with the lowest expected cost is then predicted. None
            for no costs. Default None.
        prior: Dict of the share of each class among the images that the classifier is
            meant for, if it differs from that in training. The shares sum to 1. The
            probabilities are corrected for them by Bayes's rule, before they are
            averaged over tiles and compared with a threshold or weighed by costs;
            `loss` is then their log loss. The shares in training are counted as
            training saw them: images by their weights and those of their classes,
            labels as they were smoothed. The measures still count each of the images of
            `data` once. None for the probabilities as they are. Default None.
        by: What to break results down by: the name of a fact about the images, such as
            their site, or one value per image; `"group"` and `"label"` work too. Texts,
            and numbers or times with at most 10 different values, are listed one by
            one; more are put into 5 bins with about equally many images. None for no
            such table. Default None.

    Returns:
        Dict. Measures that are undefined for the data, such as the AUC if all images
        are of one class, are NaN. If the model returns NaN for some of the images, so
        are all measures except the recall of classes without such images; `n` counts
        these images too, `confusion` does not.

        - `n`: number of images.
        - `loss`: the loss the model is compiled with, regularisation included, as
          Keras's `evaluate()` returns it; if it is not compiled, or is an ONNX file,
          the log loss.
        - `accuracy`: fraction of images predicted correctly.
        - `top_<k>_accuracy`: fraction of images whose class is among the k most
          probable ones, for each `top_k`.
        - `balanced_accuracy`: mean of the recalls of the classes in the data.
        - `kappa`: Cohen's kappa, the agreement beyond what the frequencies of the
          classes give by chance, as a fraction of the most that is possible.
        - `mcc`: Matthews correlation coefficient of truth and prediction.
        - `roc_auc`: area under the ROC curve for the second of two classes; with more
          classes, the mean over the classes in the data, each against the rest.
        - `pr_auc`: area under the precision-recall curve, as average precision, of the
          same classes.
        - `log_loss`: mean of -log(probability of the true class).
        - `brier_score`: mean over the images of the squared difference between the
          probability of each class and 1 for the true class or 0 for others, summed
          over the classes; with two classes half of that, which is the squared error of
          the second class's probability.
        - `calibration_error`: expected calibration error, the mean gap between the
          highest probability and the accuracy in 15 bins of that probability.
        - `mean_cost`: mean of the `costs`, if they are given.
        - `threshold`: the threshold used, if one was asked for.
        - `coverage`, `set_size`: share of the images whose prediction set contains the
          true class, and mean number of classes in the sets, if the classifier has
          sets, from `prediction_sets`, for images that are predicted as they are.
          `per_class` has the coverage too.
        - `per_class`: table (dict of equal-length lists) with one row per class:
          `class`, `n` (images of it), `precision`, `recall`, `f1`, `roc_auc` and
          `pr_auc`, which are NaN for a class that is not in the data.
        - `confusion`: table (dict of equal-length lists) of the number of images, `n`,
          of each pair of classes `truth` and `predicted`.
        - `intervals`: table with one row per measure, and one per class and measure of
          a class: `measure`, `class` (None for all images), `estimate`, `lower` and
          `upper`. The limits of accuracies, precision and recall are Wilson's; those of
          the balanced accuracy follow from Wilson's for each recall; all others are
          quantiles of 1,000 bootstrap samples (fewer, but at least 200, with many
          images and classes) of the same number of images of each class. With groups,
          whole groups are drawn for all measures. The limits do not depend on a seed,
          nor on the order of images or classes, and are NaN if the sample shows no
          variation, as for the F1 if all predictions are correct.
        - `level`: the level of the intervals, if there are any.
        - `prior`: the shares of the classes, if they are given.
        - `by`: table with two rows for each value or bin of `by`, in order, and finally
          for the images without one (None): `column`, the name; `value`, as text, for
          bins such as `"(0.2, 0.5]"`, above 0.2 and up to 0.5; `n`, the number of
          images; `measure`, `"accuracy"` or `"mean_score"`, the mean probability of the
          true class; `estimate`; and with intervals `lower` and `upper`, Wilson's for
          the accuracy, else from drawing images or whole groups. For a single image or
          group they are NaN, because nothing varies.
        - `predictions`: dict of `truth`, the class of each image, `predicted`, and
          `probabilities`, an array (n, classes) in the order of `per_class`.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the data have no images, no labels, a class unknown to the
            classifier, or images of a size or number of channels that the model does
            not take; or if it is not known what the model outputs; or if `summarise` is
            given for images that are not tiles, or whose tiles are of several classes;
            or if `groups` are not one per image, `top_k` is not below the number of
            classes, `threshold` is given for more than two classes, or `costs` are for
            other classes; or if `prior` is for other classes, does not sum to 1, or
            cannot correct anything, because the shares in training are not known (older
            files, models trained by Keras) or the model outputs distances; or if `by`
            is neither a fact nor one value per image.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        SeenImagesWarning: If the model was trained on some of the images, or its
            prediction sets are based on some.
        StaleClassifierWarning: If the model has been changed since the classifier was
            made, by further training or otherwise.
        UserWarning: If images in memory are resized to what the model takes, or files
            are resized differently than in training, or the model returns NaN, or all
            images, or those of a class, are of too few groups for the intervals, or
            probabilities may not match the shares in training that `prior` replaces.

    Example:
        >>> scores = evaluate_classifier(classifier, shape_images(200, seed=2))
        >>> scores["accuracy"]
        0.965
        >>> scores["per_class"]["recall"]
        [0.98, 0.95]

    Source:
        The definitions are those of scikit-learn. Calibration error: Guo et al.
        (2017), arXiv:1706.04599. Intervals of proportions: Wilson (1927), JASA 22;
        of their mean: Zou and Donner (2008), Statistics in Medicine 27. Costs: Elkan
        (2001), IJCAI. Prior: Saerens, Latinne and Decaestecker (2002), Neural
        Computation 14.
    """
    found = measured(
        classifier,
        data,
        class_names,
        batch_size,
        progress,
        output,
        summarise,
        intervals=intervals,
        groups=groups,
        top_k=top_k,
        threshold=threshold,
        costs=costs,
        prior=prior,
        by=by,
    )
    return found.scores
