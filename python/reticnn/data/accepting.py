"""Whatever a user has as image data: also a folder, or files."""

import os
import re
import warnings

import numpy as np

from reticnn.coercion import printable
from reticnn.data.folders.folder import image_folder
from reticnn.data.image_data import as_image_data
from reticnn.data.table import image_table
from reticnn.runtime.conditions import warn_user

# An argument with which these functions are told to read files otherwise.
_OWN_ARGUMENT = re.compile(
    "`(on_bad_image|on_empty_class|class_names|groups|value_range|bands|page)[`=]"
)


def load_images(data):
    """Load all images of the data into memory.

    Args:
        data: Image data, or a folder or files of images, read at 224 x 224 pixels.

    Returns:
        Dict of `images`, an array (n, height, width, channels), uint8 or float32, 0 to
        255, and `labels`, the class name of each image, or None if there are no labels.

    Raises:
        TypeError: If `data` is not image data.
        ValueError: If a file cannot be read.

    Example:
        >>> load_images(shape_images(10))["images"].shape
        (10, 32, 32, 3)
    """
    data = image_data_of(data)
    return {"images": data.read(np.arange(len(data))), "labels": data.labels}


def is_of_files(value):
    """Return whether `value` is a path, or several."""
    if isinstance(value, (list, tuple)) and value:
        return all(isinstance(path, (str, os.PathLike)) for path in value)
    return isinstance(value, (str, os.PathLike))


def image_data_of(
    value, name="data", *, size=224, channels=None, resize=None, reading=None
):
    """Return image data as they are, and a folder or files as image data.

    Args:
        value: Image data, the path of a folder as `image_folder` takes it, or the paths
            of files, without labels.
        name: The argument's name, for messages.
        size: Size in pixels to read files at, for whoever does not read them anew.
        channels: Number of channels to read, or None for those of `reading`.
        resize: How files are resized, or None for the default.
        reading: How files are read in other respects, `Reading`, or None for as
            photos.
    """
    if not is_of_files(value):
        return as_image_data(value, name)
    one = isinstance(value, (str, os.PathLike))
    if one and not os.path.exists(os.path.expanduser(value)):
        raise FileNotFoundError(
            f"`{name}` must be image data, or the path of a folder or a file, and "
            f"there is none called {printable(value)!r} (working directory: "
            f"{os.getcwd()!r})."
        )
    folder = one and os.path.isdir(os.path.expanduser(value))
    read, argument = (image_folder, "path") if folder else (image_table, "paths")
    if channels is None and reading is not None:
        channels = reading.channels
    options = {
        "channels": channels,
        "resize": resize or "stretch",
        "value_range": reading,
    }

    def said(text):
        # Here it came as another argument.
        text = str(text).replace(f"`{argument}`", f"`{name}`")
        if _OWN_ARGUMENT.search(text):
            text += f" Call `{read.__name__}()` for that, and pass what it returns."
        return text

    # Not in a context of our own: the warnings name the user's line.
    caught = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            data = read(value, image_size=size, **options)
    except (TypeError, ValueError, FileNotFoundError) as error:
        raise type(error)(said(error)) from error
    finally:
        for warning in caught:
            warn_user(said(warning.message), warning.category)
    return as_image_data(data, name)


def files_for(value, name, image_shape):
    """Return a folder or files as image data of the size that a model takes.

    Args:
        value: The path of a folder, or the paths of files.
        name: The argument's name, for messages.
        image_shape: (height, width, channels), where None takes any size.
    """
    *size, channels = image_shape
    size = 224 if None in size else size
    return image_data_of(value, name, size=size, channels=channels)
