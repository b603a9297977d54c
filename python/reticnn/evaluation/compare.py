"""Compare classifiers on the same images."""

from itertools import combinations

import numpy as np

from reticnn.classifier import Classifier
from reticnn.coercion import shown
from reticnn.evaluation.compare_folds import compare_on_folds
from reticnn.evaluation.competitors import Contest, check_named
from reticnn.evaluation.cross_validated import CrossValidation
from reticnn.evaluation.decisions import as_costs, as_threshold
from reticnn.evaluation.intervals import (
    Units,
    limits_of_replicates,
    number_of_replicates,
    warn_of_few_groups,
)
from reticnn.evaluation.measuring import as_level, as_top_k
from reticnn.evaluation.metrics import classification_metrics
from reticnn.evaluation.paired import (
    holm,
    mcnemar,
    mcnemar_by_groups,
    of_mean_of_differences,
    tango,
)
from reticnn.evaluation.weighted import WeightedMeasures, mean_areas
from reticnn.runtime.backend import KerasModel
from reticnn.runtime.progress import as_step_progress


def compare_classifiers(
    classifiers,
    data=None,
    *,
    class_names=None,
    batch_size=32,
    progress="auto",
    output="auto",
    intervals=0.95,
    groups=None,
    top_k=None,
    threshold=None,
    costs=None,
    prior=None,
):
    """Compare classifiers on the same labelled images, or on the same folds.

    Differences are paired: all classifiers classify the same images, so difficulties
    that all of them share do not count. The intervals of differences are therefore
    usually narrower than those of the measures suggest.

    Args:
        classifiers: Dict of two or more classifiers, or Keras models, by name. They
            know the same classes, in any order. Or a dict of results of
            `cross_validate` on the same folds.
        data: Image data with labels, or a folder, as in `evaluate_classifier`;
            preferably images that none of the classifiers was trained on. None for
            cross-validations, which have their own predictions. Default None.
        class_names: For Keras models, as in `evaluate_classifier`. Default None.
        batch_size: Whole number of images per batch. Default 32.
        progress: As in `predict_images`, over all classifiers. Default `"auto"`.
        output: For Keras models, what they output, as in `predict_images`. Default
            `"auto"`.
        intervals: Confidence level of the intervals, in (0, 1). Default 0.95.
        groups: Which images belong together, as in `evaluate_classifier`. Default None.
        top_k: Whole numbers, as in `evaluate_classifier`. Default None.
        threshold: As in `evaluate_classifier`, for the second class of the first
            classifier; the best threshold by a measure is found for each classifier
            separately. Default None.
        costs: As in `evaluate_classifier`; an array is in the order of the first
            classifier's classes. Default None.
        prior: As in `evaluate_classifier`; each classifier is corrected by the shares
            in its own training. Default None.

    Returns:
        Dict. If a classifier returns NaN for an image, everything that depends on it is
        NaN.

        - `n`: number of images.
        - `measures`: table (dict of equal-length lists) of the measures of each
          classifier, as in `evaluate_classifier`: `classifier`, `measure`, `estimate`,
          `lower` and `upper`.
        - `differences`: table with one row per pair of classifiers and measure:
          `first`, `second`, `measure`, `estimate`, the measure of the first minus that
          of the second, `lower` and `upper`. The limits of accuracies are Tango's;
          those of the balanced accuracy follow from Tango's for each recall; all others
          are quantiles of bootstrap samples, as many as in `evaluate_classifier`, in
          which both have the same images. With groups, whole groups are drawn for all
          of them. They are NaN if the sample shows no variation.
        - `mcnemar`: table with one row per pair: `first`, `second`, how many images
          `both`, `only_first`, `only_second` or `neither` predicted correctly; and
          `p_value`, from McNemar's exact test of whether they are right equally often,
          and `adjusted`, the same for all pairs together by Holm's method. With groups,
          the test gives either sign to the sums of whole groups.
        - `folds`: for cross-validations, the number of folds. There is no `mcnemar`
          then; estimates are means over the folds, and limits, `p_value` and `adjusted`
          in `differences` are those of the corrected resampled t-test, which allows for
          folds sharing training images.
        - `level`: the level of the intervals.
        - `thresholds`: the threshold of each classifier, by name, if there is one.

    Raises:
        TypeError: If `classifiers` is not a dict of classifiers, or `data` not image
            data.
        ValueError: If there are fewer than two classifiers, or they know different
            classes; if cross-validations are of different folds, or given together with
            classifiers or with arguments that only predictions need; else as in
            `evaluate_classifier`.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        SeenImagesWarning: If one of the models was trained on some of the images.
        StaleClassifierWarning: If a model has been changed since its classifier was
            made.
        UserWarning: As in `evaluate_classifier`.

    Example:
        >>> found = compare_classifiers({"small": small, "large": large}, data)
        >>> table = found["differences"]
        >>> table["measure"][0], table["estimate"][0]
        ('accuracy', -0.035)
        >>> table["lower"][0], table["upper"][0]
        (-0.071, 0.002)

    Source:
        Tango (1998), Statistics in Medicine 17; means of differences: Zou and Donner
        (2008), Statistics in Medicine 27. McNemar (1947), Psychometrika 12; Holm
        (1979), Scandinavian Journal of Statistics 6. Folds: Nadeau and Bengio (2003),
        Machine Learning 52; of repeats: Bouckaert and Frank (2004), PAKDD.
    """
    level = as_level(intervals)
    check_named(classifiers, (Classifier, KerasModel, CrossValidation))
    if any(isinstance(one, CrossValidation) for one in classifiers.values()):
        _check_all_folds(classifiers, data, groups, prior)
        return compare_on_folds(
            classifiers, level, top_k=top_k, threshold=threshold, costs=costs
        )
    if data is None:
        raise ValueError(
            "`data` is missing: classifiers are compared on labelled images. Only "
            "results of `cross_validate()` have them already."
        )
    start_progress = as_step_progress(progress)
    contest = Contest(classifiers, data, class_names, output, prior)
    names, codes = contest.class_names, contest.codes
    costs = as_costs(costs, names)
    threshold = as_threshold(threshold, names, costs)
    top_k, groups = as_top_k(top_k, names), contest.groups(groups)
    warn_of_few_groups(codes, names, groups, level)
    competitors, thresholds = contest.competitors(
        batch_size, start_progress, threshold, costs
    )
    asked = {"top_k": top_k, "costs": costs, "groups": groups}
    measures = _measures(competitors, codes, names, level, **asked)
    found = {
        "n": len(codes),
        "measures": measures,
        "differences": _differences(
            competitors, codes, names, measures, level, **asked
        ),
        "mcnemar": _mcnemar(competitors, codes, groups),
        "level": level,
    }
    if threshold is not None:
        found["thresholds"] = dict(zip(contest.names, thresholds, strict=True))
    return found


def _check_all_folds(classifiers, data, groups, prior):
    """Raise if cross-validations are given together with what they do not take."""
    others = [
        name
        for name, one in classifiers.items()
        if not isinstance(one, CrossValidation)
    ]
    if others:
        raise ValueError(
            f"`classifiers` are results of `cross_validate()` and, as {shown(others)}, "
            "classifiers. Compare either classifiers or cross-validations."
        )
    given = {"data": data, "groups": groups, "prior": prior}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"`{name}` is given, but results of `cross_validate()` already have "
                f"predictions, and are compared by folds. Leave `{name}` out."
            )


def _measures(competitors, codes, class_names, level, *, top_k, costs, groups):
    """Return the table of the measures of each classifier."""
    table = {name: [] for name in ("classifier", "measure", *_LIMITS)}
    for one in competitors:
        found = classification_metrics(
            codes,
            one.chances,
            class_names,
            predicted=one.predicted,
            top_k=top_k,
            costs=costs,
            intervals=level,
            groups=groups,
        )["intervals"]
        own = [at for at, name in enumerate(found["class"]) if name is None]
        table["classifier"] += [one.name] * len(own)
        for name in ("measure", *_LIMITS):
            table[name] += [found[name][at] for at in own]
    return table


_LIMITS = ("estimate", "lower", "upper")


def _differences(competitors, codes, class_names, measures, level, **asked):
    """Return the table of the differences of each pair."""
    keys = zip(measures["classifier"], measures["measure"], strict=True)
    estimates = dict(zip(keys, measures["estimate"], strict=True))
    drawn = _bootstrapped(competitors, codes, class_names, level, **asked)
    table = {name: [] for name in ("first", "second", "measure", *_LIMITS)}
    for first, second in combinations(competitors, 2):
        limits = drawn.get((first.name, second.name), {})
        if asked["groups"] is None and limits:
            limits = {**limits, **_of_counts(first, second, codes, level, **asked)}
        for measure in dict.fromkeys(measures["measure"]):
            difference = (
                estimates[first.name, measure] - estimates[second.name, measure]
            )
            lower, upper = limits.get(measure, (np.nan, np.nan))
            unknown = np.isnan(difference)
            row = (first.name, second.name, measure, difference)
            row += (np.nan, np.nan) if unknown else (float(lower), float(upper))
            for name, value in zip(table, row, strict=True):
                table[name].append(value)
    return table


def _bootstrapped(competitors, codes, class_names, level, *, top_k, costs, groups):
    """Return the limits of each measure by pair, from the same samples for all."""
    able = [one for one in competitors if one.knows_all]
    measures = [
        WeightedMeasures(codes, one.chances, one.predicted, top_k, costs)
        for one in able
    ]
    pairs = list(combinations(range(len(able)), 2))
    if not pairs:
        return {}
    if groups is None:
        # An order of their own, whatever that of the images or the classifiers.
        keys = [
            key
            for name in ("brier_score", "log_loss")
            for key in np.sort([each.images[name] for each in measures], axis=0)
        ]
        units = Units.of_images(codes, class_names, keys)
    else:
        units = Units.of_groups(codes, class_names, groups)
    parts = {pair: [] for pair in pairs}
    for weights in units.drawn(number_of_replicates(len(codes) * len(class_names))):
        values = [
            {**each.over_all(weights), **mean_areas(each.by_class(weights))}
            for each in measures
        ]
        for first, second in pairs:
            parts[first, second].append(
                {
                    name: value - values[second][name]
                    for name, value in values[first].items()
                }
            )
    return {
        (able[first].name, able[second].name): limits_of_replicates(
            parts[first, second], level
        )
        for first, second in pairs
    }


def _of_counts(first, second, codes, level, *, top_k, **others):
    """Return the limits of differences of proportions, from counts of images."""
    one, other = (
        WeightedMeasures(codes, each.chances, each.predicted, top_k).images
        for each in (first, second)
    )
    limits = {}
    for name in [name for name in one if name.endswith("accuracy")]:
        gap = one[name] - other[name]
        limits[name] = tango((gap > 0).sum(), (gap < 0).sum(), len(codes), level)
    gap = first.right(codes) - second.right(codes)
    count = first.chances.shape[1]
    counts = (
        np.bincount(codes[which], minlength=count) for which in (gap > 0, gap < 0)
    )
    n = np.bincount(codes, minlength=count)
    limits["balanced_accuracy"] = of_mean_of_differences(*counts, n, level)
    return limits


def _mcnemar(competitors, codes, groups):
    """Return the table of McNemar's test for each pair."""
    table = {name: [] for name in ("first", "second", *_COUNTS, "p_value")}
    of_group = groups and np.unique(groups, return_inverse=True)[1]
    for first, second in combinations(competitors, 2):
        known = ~np.isnan(first.chances + second.chances).any(axis=1)
        one, other = first.right(codes)[known], second.right(codes)[known]
        only = int((one > other).sum()), int((one < other).sum())
        if not known.all():
            value = np.nan
        elif groups is None:
            value = mcnemar(*only)
        else:
            value = mcnemar_by_groups(
                np.bincount(of_group, one - other).astype("int64")
            )
        both, neither = int((one & other).sum()), int((1 - (one | other)).sum())
        row = (first.name, second.name, both, *only, neither, value)
        for name, entry in zip(table, row, strict=True):
            table[name].append(entry)
    return {**table, "adjusted": holm(table["p_value"]).tolist()}


_COUNTS = ("both", "only_first", "only_second", "neither")
