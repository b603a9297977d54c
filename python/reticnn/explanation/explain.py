"""Explain predictions: which parts of an image speak for a class."""

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
from reticnn.data.conversion import images_for_model
from reticnn.data.listing import as_bad_image_rule
from reticnn.explanation.blank import as_baseline
from reticnn.explanation.class_activation import ClassActivation
from reticnn.explanation.explained import Explanation, rows_of
from reticnn.explanation.onnx_scores import OnnxScores
from reticnn.explanation.perturbing import Occlusion, Rise
from reticnn.explanation.pixel_gradients import (
    IntegratedGradients,
    PixelGradient,
    SmoothGrad,
)
from reticnn.explanation.score_network import ScoreNetwork
from reticnn.explanation.superpixels import Lime, Shap
from reticnn.explanation.targets import Targets
from reticnn.outputs import as_classifier_or_model
from reticnn.prediction.accepting_images import images_to_predict
from reticnn.prediction.forward import number_of_batches, read_batches
from reticnn.prediction.missing import warn_of_missing
from reticnn.runtime.conditions import NoKerasModelError
from reticnn.runtime.progress import as_step_progress, reporting

CAMS = ("grad_cam", "grad_cam++", "layer_cam")
GRADIENTS = ("gradient", "smooth_grad", "integrated_gradients")
PERTURBING = ("occlusion", "rise", "lime", "shap")
METHODS = (*CAMS, *GRADIENTS, *PERTURBING)

# The methods that use an argument.
_USED_BY = {
    "layer": CAMS,
    "samples": ("smooth_grad", "integrated_gradients", "rise", "lime", "shap"),
    "patch_size": PERTURBING,
    "stride": ("occlusion",),
}

# Steps of integrated gradients, and of those for images that need more.
_STEPS = (64, 256)

# How many copies of an image, or steps to it, there are if nobody says it.
_SAMPLES = {
    "smooth_grad": 25,
    "rise": 500,
    "lime": 500,
    "shap": 500,
}


def explain_prediction(
    classifier,
    images,
    classes=None,
    method="grad_cam",
    *,
    against=None,
    layer=None,
    samples=None,
    noise=0.15,
    baseline="mean",
    patch_size=None,
    stride=None,
    seed=None,
    class_names=None,
    batch_size=32,
    on_bad_image="error",
    progress="auto",
    output="auto",
):
    """Show which parts of images speak for a class, as maps.

    A map says how much each pixel, or the region that it lies in, adds to the score of
    a class. The score is what the network computes before softmax or sigmoid, because
    probabilities hardly change near 0 or 1, and before any calibration.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model from images to classes.
        images: Image data, an array, a path or paths, as `predict_images` takes them.
        classes: Name of the class to explain, or several names; `"all"` for all
            classes; or None for the predicted class of each image. Default None.
        method: Name of a method, or several names. Class activation maps weight the
            feature maps of a layer: `"grad_cam"`, by the mean of their gradients;
            `"grad_cam++"`, by the positive ones, so that several objects of a class
            count equally; `"layer_cam"`, at each position by the gradient there, which
            keeps detail in early layers. They have no values below 0, and need a
            convolution. Gradients with respect to the pixels suit any network that can
            be differentiated: `"gradient"`, how steeply the score changes with a pixel,
            in either direction; `"smooth_grad"`, the same averaged over noisy copies of
            the image; `"integrated_gradients"`, averaged along the way from a blank
            image and multiplied by the difference from it. Methods that hide parts of
            the image suit any network, also one from an ONNX file: `"occlusion"`, how
            much the score falls when a patch covers a place; `"rise"`, the mean score
            when random masks keep a pixel, minus that of all masks; `"lime"`, a linear
            model of the score given which superpixels are kept; `"shap"`, Shapley
            values of superpixels, which sum to the difference from the score of a blank
            image. Superpixels are those of SLIC if scikit-image is installed, as by
            `pip install "reticnn[explain]"`, else squares. Default `"grad_cam"`.
        against: Name of a class whose score is subtracted: the maps then show what
            speaks for a class rather than that one. None for the score alone. Default
            None.
        layer: For class activation maps, name of a layer as listed by `describe_model`,
            with or without the names of the models it is in. None for the last feature
            maps with more than one row and column. Default None.
        samples: Whole number of noisy copies for `"smooth_grad"`, 25 if None; of steps
            for `"integrated_gradients"`, 64 if None, and 256 for images that need
            more; or of copies with hidden parts for `"rise"`, `"lime"` and `"shap"`,
            500 if None. Default None.
        noise: Number above 0, standard deviation of the noise of `"smooth_grad"` as a
            fraction of the range of the image's values. Default 0.15.
        baseline: What integrated gradients start from, and what replaces hidden parts:
            a number, 0 (black) to 255 (white), or one for each channel; or `"mean"`,
            the mean colour of each image. Default `"mean"`.
        patch_size: Whole number of pixels, the side of what is hidden at once: the
            patch of `"occlusion"`, a cell of the masks of `"rise"`, and roughly that of
            a superpixel. None for an eighth of the shorter side. Default None.
        stride: Whole number of pixels by which the patch of `"occlusion"` is moved.
            None for half its side. Default None.
        seed: Whole number of at least 0 that fixes noise and random masks, or None for
            new ones in each call. Default None.
        class_names: For a Keras model, the names of its classes, as in
            `predict_images`. Default None.
        batch_size: Whole number of images per batch. Smaller ones need less memory.
            Default 32.
        on_bad_image: `"error"` or `"skip"`, as in `predict_images`. Default `"error"`.
        progress: `"bar"`, `"none"`, `"auto"` or a function, as in `predict_images`.
            Default `"auto"`.
        output: For a Keras model, what it outputs, as in `predict_images`. Default
            `"auto"`.

    Returns:
        `Explanation`, which prints what it contains, with the attributes `maps`,
        float32 array (rows, height, width) of the size of the classifier's input, in
        units of the score; `table`, a dict of equal-length lists with the same rows,
        one for each image, method and class: `image`, its position, `.file`, `method`,
        `layer`, `class`, `against`, the `score` that is explained, and the
        `probability` of the class; `images`, the pixels as the network saw them;
        `scores_are`, which says in words what a score is; and `class_names`. The score
        of a network that outputs distances to prototypes is the negative distance. With
        a single sigmoid unit, the score of the second class is its log odds, and that
        of the first the negative of these. `plot_explanation` draws it.

    Raises:
        TypeError: If `classifier` is not a classifier, or `images` is not one of these.
        FileNotFoundError: If a path does not exist.
        ValueError: If there is no such class, method or layer, the layer has no feature
            maps, the network has no convolution or cannot be differentiated although
            the method needs it, an argument is outside its range or used by none of the
            methods, or for anything that `predict_images` refuses.

    Warns:
        UserWarning: If maps are 0 everywhere, maps of integrated gradients do not sum
            to the difference of the scores to within 1 %, there are fewer samples than
            superpixels, no feature maps are on every path through the network, or as
            for `predict_images`.

    Example:
        >>> explanation = explain_prediction(classifier, "~/photos/tom.jpg")
        >>> explanation.maps.shape
        (1, 224, 224)
        >>> both = explain_prediction(classifier, "~/photos", classes=["cat", "dog"])
        >>> plot_explanation(both).savefig("why.png")

    Source:
        Grad-CAM: Selvaraju et al. (2017), arXiv:1610.02391. Grad-CAM++: Chattopadhyay
        et al. (2018), arXiv:1710.11063. LayerCAM: Jiang et al. (2021), IEEE
        Transactions on Image Processing 30. Gradient: Simonyan, Vedaldi and Zisserman
        (2013), arXiv:1312.6034. SmoothGrad: Smilkov et al. (2017), arXiv:1706.03825.
        Integrated gradients: Sundararajan, Taly and Yan (2017), arXiv:1703.01365.
        Occlusion: Zeiler and Fergus (2013), arXiv:1311.2901. RISE: Petsiuk, Das and
        Saenko (2018), arXiv:1806.07421. LIME: Ribeiro, Singh and Guestrin (2016),
        arXiv:1602.04938. SHAP: Lundberg and Lee (2017), arXiv:1705.07874. SLIC: Achanta
        et al. (2012), IEEE TPAMI 34.
    """
    start_progress = as_step_progress(progress)
    classifier = as_classifier_or_model(classifier, class_names, output)
    methods = _as_methods(method)
    batch_size = as_int(batch_size, "batch_size")
    network = _scores_of(classifier, methods)
    targets = Targets(
        classifier.class_names, classifier.network.output_shape[1], classes, against
    )
    settings = {
        "layer": layer,
        "samples": None if samples is None else as_int(samples, "samples"),
        "patch_size": None if patch_size is None else as_int(patch_size, "patch_size"),
        "stride": None if stride is None else as_int(stride, "stride"),
    }
    _check_used(settings, methods)
    settings |= {
        "noise": as_float(noise, "noise", above=0),
        "baseline": baseline,
        "seed": as_seed(seed),
    }
    shape = classifier.image_shape
    as_baseline(baseline, shape[2])  # checked if no method uses it too
    explainers = {
        name: explainer_of(name, network, settings, batch_size, shape[2])
        for name in methods
    }
    rule = as_bad_image_rule(on_bad_image)
    given = images_to_predict(images, shape, classifier, rule)
    data = images_for_model(
        given, shape, "images", classifier.resize, reading=classifier.reading
    )
    at_once = min(getattr(one, "at_once", batch_size) for one in explainers.values())
    report = start_progress(number_of_batches(data, at_once))
    pictures, found = _found(explainers, data, targets, at_once, report)
    outputs = np.concatenate([part.outputs for part in found[methods[0]]])
    chances = network.chances(outputs)
    warn_of_missing(chances, data.files)
    layers = {name: explainer.layer for name, explainer in explainers.items()}
    table, maps = rows_of(found, layers, data, chances, classifier.class_names, targets)
    return Explanation(
        maps,
        table,
        pictures,
        network.scores_are,
        list(classifier.class_names),
        data.resize,
        {name: value for name, value in settings.items() if value is not None},
    )


def _scores_of(classifier, methods):
    """Return what gives the scores: a Keras model only where a method needs one."""
    if not classifier.has_keras and set(methods) <= set(PERTURBING):
        return OnnxScores(classifier)
    try:
        return ScoreNetwork(classifier)
    except NoKerasModelError as error:
        raise NoKerasModelError(
            f"{error} Of the methods, {shown(list(PERTURBING))} do without."
        ) from None


def _found(explainers, data, targets, at_once, report):
    """Return the pixels of all images, and lists of `Explained` by method."""
    pictures, found, start = [], {name: [] for name in explainers}, 0
    with read_batches([data], at_once) as batches:
        for pixels in reporting(batches, report):
            pixels = pixels.astype("float32")
            pictures.append(pixels)
            positions = np.arange(start, start + len(pixels))
            start += len(pixels)
            for name, explainer in explainers.items():
                found[name].append(explainer.of_batch(pixels, targets, positions))
    for explainer in explainers.values():
        if hasattr(explainer, "warn"):
            explainer.warn()
    return np.concatenate(pictures), found


def explanation_as_lists(**arguments):
    """Return what `explain_prediction` does as R is given it."""
    explain = none_as_default(explain_prediction, {"progress": "none"})
    return dict(vars(explain(**arguments)))


def as_method(value, name="method"):
    """Return the name of a method."""
    return as_choice(value, name, METHODS)


def _as_methods(value):
    """Return the names of methods, each once."""
    names = list(map(as_method, as_strings(value, "method")))
    if not names:
        raise ValueError(
            f"`method` must name at least one method, and is empty. Use {CAMS[0]!r}."
        )
    return list(dict.fromkeys(names))


def _check_used(settings, methods):
    """Raise if an argument is given that none of the methods uses."""
    for name, value in settings.items():
        if value is not None and not set(_USED_BY[name]).intersection(methods):
            raise ValueError(
                f"`{name}` is {shown(value)}, but only {shown(list(_USED_BY[name]))} "
                f"use it, and `method` is {shown(methods)}. Leave `{name}` out."
            )


def explainer_of(name, network, settings, batch_size, channels):
    """Return what explains batches of images by a method.

    Args:
        name: Of the method.
        network: `ScoreNetwork`, or `OnnxScores` for the methods that hide parts.
        settings: Dict of arguments of `explain_prediction`; what is not in it is None.
        batch_size: How many images to send through the network at once.
        channels: How many channels images have.
    """
    given, seed = settings.get("samples"), settings["seed"]
    samples = given or _SAMPLES.get(name)
    if name in CAMS:
        return ClassActivation(network, name, settings.get("layer"))
    if name == "gradient":
        return PixelGradient(network, batch_size)
    if name == "smooth_grad":
        return SmoothGrad(network, batch_size, samples, settings["noise"], seed)
    blank = as_baseline(settings["baseline"], channels)
    if name == "integrated_gradients":
        steps = (given,) if given else _STEPS
        return IntegratedGradients(network, batch_size, steps, blank)
    common = (network, batch_size, blank, settings.get("patch_size"))
    if name == "occlusion":
        return Occlusion(*common, settings.get("stride"))
    return {"rise": Rise, "lime": Lime, "shap": Shap}[name](*common, samples, seed)
