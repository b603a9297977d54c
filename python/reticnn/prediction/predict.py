"""Use a classifier: predict the classes of images."""

from reticnn.data.listing import as_bad_image_rule
from reticnn.prediction.accepting_images import images_to_predict
from reticnn.prediction.other_values import warn_of_other_values
from reticnn.prediction.summarising import as_summary, check_tiles
from reticnn.prediction.tables import tables_of
from reticnn.runtime.progress import as_step_progress


def predict_images(
    classifier,
    images,
    *,
    class_names=None,
    batch_size=32,
    tta=0,
    crops=1,
    scales=None,
    on_bad_image="error",
    progress="auto",
    output="auto",
    summarise=None,
    prior=None,
    type="class",
):
    """Predict the class of each image.

    Files are read batch by batch, so memory use does not depend on their number.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model from images to classes.
        images: Image data; an array (n, height, width, channels) or one image (height,
            width, channels), 0 to 255; the path of an image file, or of a folder, for
            the images in it and its subfolders; or several paths. Files are read at the
            model's size, and arrays resized to it, in the same way as the classifier's
            training images. The channel of grey images is repeated for a model that
            takes RGB; a model that takes grey images accepts RGB images whose channels
            are equal; both accept opaque RGBA images.
        class_names: For a Keras model, the names of its classes in the order of its
            outputs, or None to call them class_1, class_2 and so on. Default None.
        batch_size: Whole number of images per batch. Default 32.
        tta: Test-time augmentation: whole number of altered copies of each image whose
            probabilities are averaged with its own. They are made with the policy that
            the classifier was trained with; if there is none, or if it crops to a
            number of pixels, by area or by scale, they are mirrored and shifted by up
            to 5 %. The changes are the same for all images and in every call. Default
            0.
        crops: Number of views of each image whose probabilities are averaged: 1, the
            image itself; 2, the image and its mirror image; 5, crops of the model's
            size at the corners and the centre of a larger image; 10, these and their
            mirror images; or 144, those with which GoogLeNet was tested. For 5 and 10,
            arrays larger than the model's size are cropped without resizing, and other
            images are first resized to 8/7 of the model's size: 256 pixels for 224. For
            144, the shorter side of each image is resized to four scales: 256, 288, 320
            and 352 pixels for a model of 224, and in proportion for others. At each
            scale, three squares are cut from the image, at both ends and in the middle.
            Each square contributes crops at its corners and centre, and the whole
            square resized to the model's size, and all of these are mirrored too.
            Default 1.
        scales: Whole number of pixels, or several, to which the shorter side of each
            image is resized, keeping its aspect ratio; the probabilities are averaged
            over them. The network is applied to the whole image (dense evaluation):
            global pooling covers all of it, dense layers after flattening become
            convolutions, and the class scores are averaged over the positions. With
            `crops` of 2, this is done for the mirror image too, as VGG was tested. With
            `crops` of 5 or 10, the network sees crops of its own size at each scale
            instead; 144 crops have their own scales. None for the model's own size.
            Default None. With `tta`, the changes are applied to every view.
        on_bad_image: What to do about files and subfolders that cannot be read, where
            `images` is a folder, a file or several: `"error"` raises one error for all
            of them; `"skip"` leaves them out, with a warning. Default `"error"`.
        progress: `"bar"`, `"none"`, or `"auto"`, a bar in a console if it takes more
            than two seconds; or a function that is called with a dict of `step`,
            `steps` (batches) and `done`. Default `"auto"`.
        output: For a Keras model, what it outputs: `"softmax"`, the probability of each
            class; `"sigmoid"`, one unit, that of the second of two; `"logits"`, scores
            before softmax or sigmoid; or `"auto"`, to go by its last layers or
            operations, or else by the loss it is compiled with. Default `"auto"`.
        summarise: For tiles, from `image_tiles`: how the predictions for the tiles of
            an image become one. `"mean"`, the mean of the probabilities of each class;
            `"max"`, the highest of them, which finds what only a few tiles show, and
            whose sum exceeds 1; `"vote"`, the share of the tiles that are predicted to
            be of each class; or None, for one row per tile. Default None.
        prior: Dict of the share of each class among images like these, if it differs
            from that in training, as in `evaluate_classifier`. The shares sum to 1. The
            probabilities, averaged over the views of an image or a tile, are corrected
            for them. None for the probabilities as they are. Default None.
        type: `"class"`, or `"set"` to return the set of classes that each image may
            belong to as well, if the classifier has `prediction_sets`. Default
            `"class"`.

    Returns:
        Table (dict of equal-length lists) with one row per image, in the order given:
        `.pred_class`, the most probable class; `.pred_<class>`, the probability of each
        class; and for files `.file`, the path. With `type="set"`, `.pred_set` comes
        before them: a list of the classes in the set of each image, most probable
        first, which is empty if no class is likely enough. If the classifier is from
        `novelty_threshold`, `.novel` says whether an image is unlike anything it knows,
        unless tiles are summarised. For tiles, `.left`, `.top`, `.width` and `.height`
        say where in the image they are, in pixels; with `summarise`, there is one row
        per image, with `.tiles`, the number of its tiles. If the model outputs
        distances to prototypes, the probabilities sum to less than 1: the rest is the
        probability that the image belongs to none of the classes. Where the model gives
        NaN, class and set are None and the probabilities are NaN.

    Raises:
        TypeError: If `classifier` is not a classifier, or `images` is not one of these.
        FileNotFoundError: If a path does not exist.
        ValueError: If `summarise` is given for images that are not tiles; if a file
            cannot be read, there are no images, the images cannot be converted to the
            model's channels without loss, or the model has a layer that cannot be
            applied to images of other sizes, or to the smallest of the `scales`; if
            `crops` or `scales` do not suit the model or each other; if sets are
            requested but there are none, or they are for other `tta`, `crops` or
            `scales`, or `prior` is given; if it is not known what the model outputs; or
            if `prior` is for other classes, does not sum to 1, or the shares in
            training are not known.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        UserWarning: If an array is resized, except for `scales` or 144 crops, or the
            files of image data are resized differently than in training, or the model
            returns NaN, or it has been calibrated but not for the views over which
            probabilities are averaged, or its probabilities may not match the class
            shares in training that `prior` replaces.

    Example:
        >>> predict_images(classifier, "~/photos/tom.jpg")
        {'.pred_class': ['cat'], '.pred_cat': [0.93], '.pred_dog': [0.07],
         '.file': ['~/photos/tom.jpg']}
        >>> table = predict_images(classifier, "~/photos", crops=10)
        >>> table = predict_images(
        ...     classifier, "~/photos", crops=2, scales=(256, 384, 512)
        ... )

    Source:
        10 crops: Krizhevsky, Sutskever and Hinton (2012), NIPS 25. 144 crops: Szegedy
        et al. (2014), arXiv:1409.4842, section 7. Scales: Simonyan and Zisserman
        (2014), arXiv:1409.1556, section 3.2.
    """
    start_progress = as_step_progress(progress)
    rule = as_bad_image_rule(on_bad_image)
    summarise = as_summary(summarise)
    tables = tables_of(
        *(classifier, class_names, output, type, prior, batch_size),
        summarise=summarise,
        tta=tta,
        crops=crops,
        scales=scales,
    )
    data = images_to_predict(
        images, tables.views.reading_shape, tables.classifier, rule
    )
    warn_of_other_values(data, tables.classifier, "images")
    if summarise:
        check_tiles(data, "images")
    return tables.of(data, tables.views.sources(data), start_progress)
