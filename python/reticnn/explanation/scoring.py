"""How far maps can be trusted: measures against random maps, the truth, and chance."""

import numpy as np

from reticnn.coercion import (
    as_choice,
    as_float,
    as_int,
    as_seed,
    as_strings,
    none_as_default,
    shown,
)
from reticnn.explanation.blank import as_baseline
from reticnn.explanation.explained import as_explanation
from reticnn.explanation.known_region import agreement, as_regions
from reticnn.explanation.maps_again import MapsAgain, codes_of_rows
from reticnn.explanation.putting_in import PuttingIn, curves_of_maps
from reticnn.explanation.sanity import (
    STAGES,
    changes_by_noise,
    similarity_by_stage,
)
from reticnn.explanation.scored import MEANINGS, ExplanationScores, mean_of, summary_of
from reticnn.explanation.targets import NOBODY
from reticnn.outputs import as_classifier_or_model
from reticnn.runtime.progress import as_step_progress

_BY_REGION = ("pointing", "energy")
_BY_CURVE = ("insertion", "deletion")

# By how much probabilities may differ that the same classifier gives.
_SAME = 0.01


def explanation_scores(
    explanation,
    classifier,
    measures=None,
    *,
    masks=None,
    steps=16,
    samples=5,
    noise=0.02,
    baseline="mean",
    seed=None,
    class_names=None,
    batch_size=32,
    progress="auto",
    output="auto",
):
    """Measure how far maps of what speaks for a class can be trusted.

    A map that looks plausible may be wrong. The measures ask whether the pixels that it
    points to matter to the network, whether it points to where the truth is known to
    lie, whether it stays the same when the image hardly changes, and whether it changes
    when the network forgets what it has learned. Only the last two make new maps; they
    cost `samples` explanations and up to 5 more.

    Args:
        explanation: What `explain_prediction` returned.
        classifier: The classifier, or Keras model, that was explained.
        measures: Name of a measure, or several names, or None for all that are
            possible. `"insertion"` and `"deletion"` put the pixels of an image into a
            blank one, or take them away, those highest on the map first, and measure
            the area under the probability of the class. `"pointing"` and `"energy"`
            need `masks`: whether the highest point lies in the region, and what
            fraction of all values above 0 does. `"sensitivity"` is the change of the
            map when noise is added to the image, as a fraction of the map. `"sanity"`
            is the rank correlation with the map of the network with random weights.
            Default None.
        masks: Array (n, height, width) with True, or anything but 0, for the pixels of
            each image that the map should point to, such as the `masks` of
            `shape_images`; or (height, width) for all images. It has the size of the
            maps. None if this is not known. Default None.
        steps: Whole number of at least 2, the number of steps in which pixels are put
            in and taken away. Default 16.
        samples: Whole number of random maps to compare with for each image, and of
            noisy copies. Default 5.
        noise: Number above 0, standard deviation of the noise, as a fraction of the
            range of the image's values. Default 0.02.
        baseline: What a blank image shows, as in `explain_prediction`. Default
            `"mean"`.
        seed: Whole number of at least 0 that fixes random maps, noise and random
            weights, or None for new ones in each call. Default None.
        class_names: For a Keras model, the names of its classes, as in
            `predict_images`. Default None.
        batch_size: Whole number of images per batch. Default 32.
        progress: `"bar"`, `"none"`, `"auto"` or a function, as in `predict_images`.
            Default `"auto"`.
        output: For a Keras model, what it outputs, as in `predict_images`. Default
            `"auto"`.

    Returns:
        `ExplanationScores`, which prints the measures and what they mean, with the
        attributes `table`, a dict of equal-length lists with the rows of the
        explanation: `image`, `method`, `class`, a column for each measure, and what
        they are compared with: `insertion_random` and `deletion_random`, the means of
        random maps, and `region`, the fraction of the image that is inside; `summary`,
        with a row for each method and measure: `n`, the number of maps for which it is
        known, `estimate`, its mean, `random`, the mean of what it is compared with, and
        `better`, the fraction of maps that beat it; `curves`, the mean `probability` by
        `method` (among them `"random"`), `measure` and `share` of the pixels that are
        put in or taken away; `stages`, the mean `similarity` by `method` and by how
        many `layers` are random, counted from the output, up to which `layer`, and what
        `share` of all layers they are; and `meanings`, in words.
        `plot_explanation_scores` draws it. Measures that mean nothing for maps that are
        0 everywhere, or NaN, are NaN.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the explanation is of another classifier, there is no such
            measure, measures of a region are requested without `masks`, these have
            another size, an argument is outside its range, or, for `"sanity"`, the
            network has no weights or cannot be copied.

    Example:
        >>> data = shape_images(20, seed=2, masks=True)
        >>> explanation = explain_prediction(classifier, data, method="occlusion")
        >>> scores = explanation_scores(explanation, classifier, masks=data.masks)
        >>> scores.summary["measure"]
        ['insertion', 'deletion', 'pointing', 'energy', 'sensitivity', 'sanity']

    Source:
        Insertion and deletion: Petsiuk, Das and Saenko (2018), arXiv:1806.07421; with a
        blank image instead of a blurred one. Pointing game: Zhang et al. (2016),
        arXiv:1608.00507, without its tolerance of 15 pixels. Energy: Wang et al.
        (2020), arXiv:1910.01279. Sensitivity: Yeh et al. (2019), arXiv:1901.09392, with
        the mean instead of the maximum. Sanity check: Adebayo et al. (2018),
        arXiv:1810.03292, cascading from the output backwards; weights are shuffled
        within each array instead of drawn afresh.
    """
    start_progress = as_step_progress(progress)
    explanation = _with_arrays(as_explanation(explanation))
    classifier = as_classifier_or_model(classifier, class_names, output)
    _check_is_of(explanation, classifier)
    images = explanation.images
    measures = _as_measures(measures, masks is not None)
    if masks is not None:
        masks = as_regions(masks, images.shape[:3])
    steps = as_int(steps, "steps", minimum=2)
    samples, seed = as_int(samples, "samples"), as_seed(seed)
    noise = as_float(noise, "noise", above=0)
    batch_size = as_int(batch_size, "batch_size")
    blank = as_baseline(baseline, images.shape[3])
    putting = PuttingIn(classifier, batch_size, blank, steps)
    _check_predicts(explanation, putting.chances_of_whole(images))
    done = _Done(start_progress, measures, explanation, putting, samples)
    columns, curves = {}, {}
    if _any_of(_BY_CURVE, measures):
        curves = _curves(explanation, putting, samples, seed, done.images)
        columns |= _areas(curves)
    if _any_of(_BY_REGION, measures):
        columns |= _agreements(explanation, masks)
    if "sensitivity" in measures:
        again = MapsAgain(explanation, classifier, batch_size)
        columns["sensitivity"] = changes_by_noise(
            explanation, again, noise, samples, seed, done.explained
        )
    stages, similar = [], np.zeros((0, len(explanation)))
    if "sanity" in measures:
        stages, similar = similarity_by_stage(
            explanation, classifier, batch_size, seed, done.explained
        )
        columns["sanity"] = similar[-1]
    done.all()
    return _scores(explanation, measures, columns, (putting, curves), (stages, similar))


def explanation_scores_as_lists(**arguments):
    """Return what `explanation_scores` does as R is given it."""
    score = none_as_default(explanation_scores, {"progress": "none"})
    return dict(vars(score(**arguments)))


def _any_of(some, measures):
    return any(one in measures for one in some)


def _with_arrays(explanation):
    """Return an explanation whose maps and images are arrays of single precision."""
    explanation.maps = np.asarray(explanation.maps, "float32")
    explanation.images = np.asarray(explanation.images, "float32")
    return explanation


def _as_measures(value, has_masks):
    """Return the names of measures in the order of `MEANINGS`."""
    every = tuple(MEANINGS)
    if value is None:
        return [one for one in every if has_masks or one not in _BY_REGION]
    names = [as_choice(one, "measures", every) for one in as_strings(value, "measures")]
    if not names:
        raise ValueError("`measures` has no name in it. Leave it out for all measures.")
    lacking = [one for one in names if one in _BY_REGION and not has_masks]
    if lacking:
        raise ValueError(
            f"`measures` has {shown(lacking[0])}, which needs `masks` of where maps "
            "should point. Give them, or leave it out."
        )
    return [one for one in every if one in names]


def _check_is_of(explanation, classifier):
    """Raise if the classifier is another than the one that was explained."""
    names = classifier.class_names
    if list(explanation.class_names) != list(names):
        raise ValueError(
            f"`classifier` has the classes {shown(names)}, and `explanation` is of "
            f"{shown(list(explanation.class_names))}. Give the classifier that was "
            "explained."
        )
    if classifier.image_shape != explanation.images.shape[1:]:
        raise ValueError(
            f"`classifier` takes images {shown(classifier.image_shape)}, and "
            f"`explanation` is of {shown(explanation.images.shape[1:])}. Give the "
            "classifier that was explained."
        )


def _check_predicts(explanation, chances):
    """Raise if whole images have other probabilities than when they were explained."""
    codes = codes_of_rows(explanation)
    chances = chances[explanation.table["image"], codes]
    before = np.array(explanation.table["probability"], "float64")
    differ = (abs(chances - before) > _SAME) & (codes != NOBODY)
    if differ.any():
        row = int(np.flatnonzero(differ)[0])
        raise ValueError(
            "`classifier` is not the one that was explained, or has changed since: it "
            f"gives image {explanation.table['image'][row] + 1} the probability "
            f"{chances[row]:.3f}, and `explanation` has {before[row]:.3f}. Explain it "
            "again."
        )


class _Done:
    """Reports how many images have been predicted or explained."""

    def __init__(self, start_progress, measures, explanation, putting, samples):
        images, rows = len(explanation.images), len(explanation.maps)
        jobs = range(2 * rows + samples * images)
        self._curves = self._explained = 0
        self._images = images
        steps = 0
        if _any_of(_BY_CURVE, measures):
            steps += putting.number(explanation.images, jobs)
        steps += images * (samples * ("sensitivity" in measures))
        steps += images * (STAGES * ("sanity" in measures))
        self._steps = steps
        self._report = start_progress(steps)

    def images(self, number):
        self._curves = number
        self._report(number)

    def explained(self):
        self._explained += self._images
        self._report(min(self._curves + self._explained, self._steps))

    def all(self):
        self._report(self._steps)


def _curves(explanation, putting, samples, seed, report):
    """Return curves of each row, as `curves_of_maps` has them, NaN without a class."""
    at = np.array(explanation.table["image"])
    codes = codes_of_rows(explanation)
    curves = curves_of_maps(
        explanation.maps,
        at,
        codes,
        putting,
        explanation.images,
        samples,
        seed,
        report,
    )
    for curve in curves.values():
        curve[codes == NOBODY] = np.nan
    return curves


def _areas(curves):
    """Return the areas under curves, by measure and for random maps."""
    areas = {name: _area(curve) for name, curve in curves.items()}
    random = areas.pop("random")
    return {**areas, "insertion_random": random, "deletion_random": random}


def _area(curve):
    """Return the area under curves of equal steps from 0 to 1."""
    return ((curve[:, 1:] + curve[:, :-1]) / 2).mean(axis=1)


def _agreements(explanation, masks):
    at = explanation.table["image"]
    found = [
        agreement(one, masks[image])
        for one, image in zip(explanation.maps, at, strict=True)
    ]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def _scores(explanation, measures, columns, curves, stages):
    """Return `ExplanationScores` of the measures that were asked for."""
    beside = ("insertion_random", "deletion_random", "region")
    columns = {
        name: values
        for name, values in columns.items()
        if name in measures or _is_beside(name, measures)
    }
    ordered = [name for name in (*MEANINGS, *beside) if name in columns]
    known = (".file", ".left", ".top", ".width", ".height")
    table = explanation.table
    about = [name for name in ("image", *known, "method", "class") if name in table]
    return ExplanationScores(
        {
            **{name: list(table[name]) for name in about},
            **{name: columns[name].tolist() for name in ordered},
        },
        summary_of(columns, table["method"]),
        _table_of_curves(table["method"], measures, *curves),
        _table_of_stages(table["method"], *stages),
        {name: MEANINGS[name] for name in measures},
    )


def _is_beside(name, measures):
    """Return whether a column is what one of the measures is compared with."""
    if name == "region":
        return _any_of(_BY_REGION, measures)
    return name.removesuffix("_random") in measures


def _table_of_curves(methods, measures, putting, curves):
    """Return mean curves by method, and of random maps."""
    rows = []
    for measure in (one for one in _BY_CURVE if one in measures):
        random = curves["random"]
        lines = {
            method: curves[measure][[one == method for one in methods]]
            for method in dict.fromkeys(methods)
        }
        lines["random"] = random if measure == "insertion" else random[:, ::-1]
        for name, line in lines.items():
            line = line[~np.isnan(line).any(axis=1)]
            means = line.mean(axis=0) if len(line) else np.full(line.shape[1], np.nan)
            pairs = zip(putting.shares.tolist(), means.tolist(), strict=True)
            rows += [(name, measure, *pair) for pair in pairs]
    return _columns(("method", "measure", "share", "probability"), rows)


def _table_of_stages(methods, stages, similar):
    """Return mean similarity by method and stage."""
    rows = []
    for method in dict.fromkeys(methods) if len(stages) else ():
        own = [one == method for one in methods]
        for (layers, layer, count), values in zip(stages, similar, strict=True):
            some = values[own]
            mean = mean_of(some[~np.isnan(some)])
            rows.append((method, layers, layer, layers / count, mean))
    return _columns(("method", "layers", "layer", "share", "similarity"), rows)


def _columns(names, rows):
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}
