"""Use a classifier: predict classes and measure how often they are right."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import NamedTuple

import numpy as np

from reticnn.backend import keras
from reticnn.classifier import Classifier, as_classifier_or_model
from reticnn.coercion import as_images, as_int, as_path, shown
from reticnn.conversion import images_for_model
from reticnn.data.folder import image_folder
from reticnn.data.images import ArrayImages, FileImages, ImageData, as_image_data
from reticnn.metrics import classification_metrics
from reticnn.outputs import probabilities
from reticnn.progress import as_step_progress, told
from reticnn.training.compiling import takes_one_hot
from reticnn.views import views_of


def predict_images(
    classifier,
    images,
    *,
    class_names=None,
    batch_size=32,
    tta=0,
    crops=1,
    scales=None,
    progress="auto",
):
    """Predict the class of each image.

    Files are read batch by batch, so that any number of them takes the same memory.

    Args:
        classifier: Classifier, or a Keras model from images to classes.
        images: Image data; an array (n, height, width, channels) or one image (height,
            width, channels), 0 to 255; the path of an image file or of a folder of
            images; or a list of paths. Files are read at the model's size, and arrays
            resized to it, in the way the classifier's training images were. Grey
            images are repeated for a model that takes RGB; RGB images whose channels
            are the same go to a grey one; opaque RGBA images to both.
        class_names: For a Keras model, the names of its classes in the order of its
            outputs, or None to call them class_1, class_2 and so on. Default None.
        batch_size: Whole number of images at a time. Default 32.
        tta: Test-time augmentation, the whole number of changed copies of each image
            whose probabilities are averaged with its own. They are made by the policy
            the classifier was trained with; where there is none, or it crops to a
            number of pixels, they are mirrored and shifted by up to 5 %. All images
            are changed in the same ways, always the same. Default 0.
        crops: 1; 5, the probabilities are averaged over crops of the model's size at
            the corners and in the centre of a larger image; or 10, over these and their
            mirror images. Arrays larger than the model takes are cut as they are. Other
            images are brought to 8/7 of the model's size first: 256 pixels for 224.
            Default 1.
        scales: Whole number of pixels, or several, to which the shorter side of each
            image is brought, without changing its aspect; the probabilities are
            averaged over them. The network is applied to the whole of the image: global
            pooling goes over all of it, dense layers behind a flattened map become
            convolutions, and the class scores are averaged over the places. With
            `crops` of 5 or 10, it sees crops of its own size at each scale instead.
            None for the model's own size. Default None. With `tta`, every crop or scale
            is also seen in the changed ways.
        progress: `"bar"`, `"none"`, or `"auto"`: a bar in a console, if it takes more
            than two seconds. Or a function to call with a dict of `step`, `steps`
            (batches) and `done`. Default `"auto"`.

    Returns:
        Dict of lists, one value an image, in the order given: `".pred_class"`, the
        name of the most probable class; `".pred_<class>"`, the probability of each
        class; and for files `".file"`, the path. Where a model gives distances to
        prototypes, the probabilities sum to less than 1: the rest is that of an image
        of none of the classes.

    Raises:
        TypeError: If `classifier` is not a classifier, or `images` none of these.
        FileNotFoundError: If a path does not exist.
        ValueError: If a file cannot be read, there are no images, the model takes
            channels that the images cannot be converted to without a loss, or it has a
            layer that cannot be applied to images of other sizes, or to the smallest
            of the `scales`.
        RuntimeError: In a forked copy of the process that started Keras.

    Warns:
        UserWarning: If an array is resized other than for `scales`, or image data are
            of files resized in another way than in training.

    Example:
        >>> predict_images(classifier, "~/photos/tom.jpg")
        {'.pred_class': ['cat'], '.pred_cat': [0.93], '.pred_dog': [0.07],
         '.file': ['~/photos/tom.jpg']}
        >>> table = predict_images(classifier, "~/photos", crops=10)
        >>> table = predict_images(classifier, "~/photos", scales=(256, 384, 512))

    Source:
        Crops: Krizhevsky, Sutskever and Hinton (2012), NIPS 25. Scales: Simonyan and
        Zisserman (2014), arXiv:1409.1556, section 3.2.
    """
    begin = as_step_progress(progress)
    classifier = as_classifier_or_model(classifier, class_names)
    _check_columns(classifier.class_names)
    views = views_of(classifier, tta=tta, crops=crops, scales=scales)
    data = _images_to_predict(images, views.reading_shape, classifier.resize)
    sources = views.sources(data)
    batch_size = as_int(batch_size, "batch_size")
    predicted = _mean_probabilities(views, sources, batch_size, begin)
    names = np.array(classifier.class_names)[predicted.argmax(axis=1)]
    table = {".pred_class": names.tolist()}
    for name, column in zip(classifier.class_names, predicted.T, strict=True):
        table[f".pred_{name}"] = column.tolist()
    if data.files is not None:
        table[".file"] = data.files
    return table


def evaluate_classifier(
    classifier, data, *, class_names=None, batch_size=32, progress="auto"
):
    """Measure a classifier on labelled images.

    Args:
        classifier: Classifier, or a Keras model from images to classes.
        data: Image data with labels, of the classifier's classes or some of them, in
            any order.
        class_names: For a Keras model, the names of its classes in the order of its
            outputs, or None for those of the data in their order. Default None.
        batch_size: Whole number of images at a time. Default 32.
        progress: As in `predict_images`. Default `"auto"`.

    Returns:
        Dict. What the data leave undefined, such as the AUC where all images are of
        one class, is NaN.

        - `"n"`: number of images.
        - `"loss"`: the loss the model is compiled with; the log loss if with none.
        - `"accuracy"`: fraction predicted right.
        - `"balanced_accuracy"`: mean of the recalls of the classes in the data.
        - `"roc_auc"`: area under the ROC curve of the second of two classes; of more,
          the mean over the classes in the data, each against the rest.
        - `"log_loss"`: mean of -log(probability of the right class).
        - `"brier_score"`: mean over the images of the sum over the classes of
          (probability - 1 or 0) squared; with two classes half of that, which is the
          squared error of the second one's probability.
        - `"calibration_error"`: expected calibration error, the mean distance between
          the highest probability and the accuracy in 15 bins of that probability.
        - `"per_class"`: dict of lists, one value a class: `"class"`, `"n"` (images of
          it), `"precision"`, `"recall"` and `"f1"`.
        - `"confusion"`: dict of lists, one value a pair of classes: `"truth"`,
          `"predicted"` and `"n"`.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the data have no images, no labels or a class the classifier has
            not, or images that the model does not take.
        RuntimeError: In a forked copy of the process that started Keras.

    Warns:
        UserWarning: If images in memory are resized to what the model takes, or files
            are resized in another way than in training.

    Example:
        >>> scores = evaluate_classifier(classifier, shape_images(200, seed=2))
        >>> scores["accuracy"]
        0.965
        >>> scores["per_class"]["recall"]
        [0.98, 0.95]

    Source:
        The definitions are those of scikit-learn. Calibration error: Guo et al.
        (2017), arXiv:1706.04599.
    """
    return measured(classifier, data, class_names, batch_size, progress).scores


class Measured(NamedTuple):
    """A classifier's predictions of labelled images, and how good they are.

    `data` are the images as the model takes them, `probabilities` (n, classes), and
    `scores` what `evaluate_classifier` returns.
    """

    classifier: Classifier
    data: ImageData
    probabilities: np.ndarray
    scores: dict


def measured(classifier, data, class_names, batch_size, progress):
    """Return what `evaluate_classifier` finds, with what it finds it from."""
    begin = as_step_progress(progress)
    if isinstance(classifier, keras.Model) and class_names is None:
        class_names = as_image_data(data).class_names
    classifier = as_classifier_or_model(classifier, class_names)
    data = as_image_data(data)
    if data.codes is None:
        raise ValueError("`data` has no labels to compare with. Give them as `y`.")
    data = data.with_classes(classifier.class_names)
    codes = data.codes
    data = images_for_model(data, classifier.image_shape, "data", classifier.resize)
    outputs = _outputs(classifier.model, data, as_int(batch_size, "batch_size"), begin)
    predicted = probabilities(classifier.model, outputs)
    metrics = classification_metrics(codes, predicted, classifier.class_names)
    loss = _compiled_loss(classifier.model, outputs, codes)
    scores = {
        "n": len(codes),
        "loss": metrics["log_loss"] if loss is None else loss,
        **metrics,
    }
    return Measured(classifier, data, predicted, scores)


def _mean_probabilities(views, sources, batch_size, begin):
    """Return the probabilities of the classes, averaged over views of each image."""
    tell = begin(sum(_number_of_batches(source, batch_size) for source in sources))
    batches = chain.from_iterable(_batches(source, batch_size) for source in sources)
    seen = [_of_batch(views, images, batch_size) for images in told(batches, tell)]
    scales, n = len(sources), len(sources[0])
    return np.concatenate(seen).reshape(scales, n, -1).mean(axis=0)


def _of_batch(views, images, batch_size):
    """Return the mean probabilities of images at one scale."""
    model, network, looks = views.classifier.model, views.network, views.looks()
    means = np.empty((len(images), len(views.classifier.class_names)))
    for places, pixels in _alike(images):
        most = views.most(pixels.shape[1:], batch_size)
        for start in range(0, len(pixels), most):
            some = slice(start, start + most)
            seen = [
                probabilities(model, network.predict_on_batch(look(pixels[some])))
                for look in looks
            ]
            means[places[some]] = np.mean(seen, axis=0)
    return means


def _alike(images):
    """Yield the places and the pixels of the images of each size."""
    if isinstance(images, np.ndarray):
        yield np.arange(len(images)), images
        return
    shapes = [image.shape for image in images]
    for shape in sorted(set(shapes)):
        places = [place for place, given in enumerate(shapes) if given == shape]
        yield np.array(places), np.stack([images[place] for place in places])


def _outputs(model, data, batch_size, begin):
    """Return the outputs of the model in the order of the data."""
    tell = begin(_number_of_batches(data, batch_size))
    batches = told(_batches(data, batch_size), tell)
    return np.concatenate([model.predict_on_batch(pixels) for pixels in batches])


def _number_of_batches(data, batch_size):
    return -(-len(data) // batch_size)


def _batches(data, batch_size):
    """Yield the pixels of each batch, while the next one is being read."""
    starts = range(0, len(data), batch_size)
    batches = [np.arange(n, min(n + batch_size, len(data))) for n in starts]
    if len(batches) == 1:
        yield data.read(batches[0])
        return
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(data.read, batches[0])
        for batch in batches[1:]:
            ready, coming = coming, reader.submit(data.read, batch)
            yield ready.result()
        yield coming.result()


def _compiled_loss(model, outputs, codes):
    """Return the loss that the model is compiled with, or None if it is not."""
    if not model.compiled:
        return None
    targets = codes
    if takes_one_hot(model):
        targets = np.eye(outputs.shape[1], dtype="float32")[codes]
    loss = model.compute_loss(
        y=keras.ops.convert_to_tensor(targets),
        y_pred=keras.ops.convert_to_tensor(outputs),
        training=False,
    )
    return float(keras.ops.convert_to_numpy(loss))


def _check_columns(class_names):
    """Raise if a class would have the column of the predicted class."""
    if "class" in class_names:
        raise ValueError(
            "`class_names` has 'class', whose probabilities would be called "
            "'.pred_class' like the predicted classes. Predict with "
            "`classifier.model` and other `class_names`."
        )


def _images_to_predict(images, shape, resize):
    """Return whatever images a user has as image data; paths are read at `shape`."""
    if isinstance(images, (ImageData, Mapping)):
        return as_image_data(images, "images")
    if isinstance(images, (str, os.PathLike)):
        path = as_path(images, "images")
        paths = _files_in(path, shape) if os.path.isdir(path) else [path]
        return _files(paths, shape, resize)
    if isinstance(images, (list, tuple)) and all(
        isinstance(image, (str, os.PathLike)) for image in images
    ):
        return _files(images, shape, resize)
    return ImageData(ArrayImages(as_images(images)))


def _files_in(folder, image_shape):
    """Return the paths of the images in a folder."""
    size, channels = _reading_size(image_shape)
    try:
        data = image_folder(folder, size, channels=channels)
    except ValueError as error:
        # Here the folder came as another argument.
        raise ValueError(str(error).replace("`path`", "`images`")) from error
    return as_image_data(data, "images").files


def _files(paths, image_shape, resize):
    """Return image data of the files at `paths`."""
    if len(paths) == 0:
        raise ValueError("`images` has no images. Give at least one.")
    paths = [as_path(path, "images") for path in paths]
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(
            f"`images` must name image files; {len(missing)} of {len(paths)} do not "
            f"exist: {shown(missing)} (working directory: {os.getcwd()!r})."
        )
    size, channels = _reading_size(image_shape)
    return ImageData(FileImages(paths, size, channels, resize or "stretch"))


def _reading_size(image_shape):
    """Return the (height, width) and the channels to read files at."""
    height, width, channels = image_shape
    if height is None or width is None:
        raise ValueError(
            "`images` are files, and the classifier's model takes images of any size. "
            "Make image data of the size you want with `image_folder()`."
        )
    if channels not in (1, 3):
        raise ValueError(
            "`images` are files, which are read as grey or RGB, and the classifier's "
            f"model takes {channels} channels. Give arrays."
        )
    return (height, width), channels
