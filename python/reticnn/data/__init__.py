"""Images with labels: from folders, tables, arrays, generated, or the workshop's."""

from reticnn.data.accepting import load_images
from reticnn.data.arrays import image_arrays
from reticnn.data.budget import image_memory
from reticnn.data.checking import check_images
from reticnn.data.folders.folder import image_folder
from reticnn.data.image_data import ImageData
from reticnn.data.shapes import shape_images
from reticnn.data.shuffling import shuffle_pixels
from reticnn.data.splits.folding import fold_images
from reticnn.data.splits.splitting import split_images
from reticnn.data.table import image_table
from reticnn.data.tiles.tiles import image_tiles
from reticnn.data.workshop import cats_and_dogs

__all__ = [
    "ImageData",
    "cats_and_dogs",
    "check_images",
    "fold_images",
    "image_arrays",
    "image_folder",
    "image_memory",
    "image_table",
    "image_tiles",
    "load_images",
    "shape_images",
    "shuffle_pixels",
    "split_images",
]
