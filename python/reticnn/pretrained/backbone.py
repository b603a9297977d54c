"""A network to start from: facts, how to build it, where its weights are."""

import os
import re
from dataclasses import dataclass, field

from reticnn.runtime.backend import keras


@dataclass(frozen=True)
class Backbone:
    """A network without its top, and the facts about it.

    Attributes:
        name: Name for users.
        family: Name of the family.
        function: Name of its function in `keras.applications`.
        parameters: Number of parameters without the top.
        input_size: Height and width, in pixels, that it was made for.
        min_size: Smallest height and width, in pixels, that it takes.
        preprocessing: `"caffe"`, `"tf"`, `"torch"`, or `"inside"` where the network
            has its own.
        last_block: Pattern of layer names; the last layer that matches is the first of
            the last block. After a `>`, the last layer before that block.
        file: Name of the file of ImageNet weights without the top; `{size}` in it
            stands for the images' size.
        url: Address of the folder of that file, or of the file itself.
        sizes: Sizes of images that there are files for, if they are several.
        options: Arguments of the function.
        normalises_pooled: Whether its last layer is a normalisation that was learned
            behind average pooling, with the top.
    """

    name: str
    family: str
    function: str
    parameters: int
    input_size: int
    min_size: int
    preprocessing: str
    last_block: str
    file: str
    url: str
    sizes: tuple = ()
    options: dict = field(default_factory=dict)
    normalises_pooled: bool = False

    def build(self, input_shape):
        """Return the network without its top and with random weights."""
        model = getattr(keras.applications, self.function)(
            weights=None, include_top=False, input_shape=input_shape, **self.options
        )
        # Keras's own names differ in spelling, and some hold the size of the images.
        return keras.Model(model.inputs[0], model.outputs[0], name=self.name)

    def weight_file(self, input_shape):
        """Return the name of the file of weights for images of this shape."""
        height, width = input_shape[:2]
        size = height if height == width and height in self.sizes else self.input_size
        return self.file.format(size=size)

    def weight_url(self, input_shape):
        """Return the address of the file of weights for images of this shape."""
        if self.url.endswith(".h5"):
            return self.url
        return self.url + self.weight_file(input_shape)

    def cached_files(self, whole=False):
        """Return the files of ImageNet weights, of every size, that are here.

        With `whole` they are those with the top alone.
        """
        files = (with_top(self.file),) if whole else (self.file, with_top(self.file))
        paths = [
            os.path.join(cache(), file.format(size=size))
            for file in files
            for size in self.sizes or (self.input_size,)
        ]
        return list(filter(os.path.isfile, paths))


def cache():
    """Return the folder in which Keras keeps weights."""
    home = os.environ.get("KERAS_HOME", os.path.join("~", ".keras"))
    return os.path.join(os.path.expanduser(home), "models")


def with_top(file):
    """Return the name of the file that has the weights of the top as well."""
    return re.sub(r"_no_?top(_v2)?\.h5$", ".h5", file)
