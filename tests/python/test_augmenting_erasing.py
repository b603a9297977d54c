"""Erasing by the shape of boxes, and of several."""

import numpy as np
import pytest
from other_augmenters import in_peer

from reticnn import augment, augmentation

SHAPE = (60, 90, 1)


def boxes(n=300, **settings):
    """The boxes drawn for images of 60 x 90 pixels, (n, boxes, 4)."""
    policy = augmentation(erasing=settings)
    (drawn,) = policy.draw(np, 1, 0, np.arange(n), SHAPE)
    return policy, drawn["erase"].astype(float)


def test_boxes_have_area_and_shape():
    _, found = boxes(scale=(0.1, 0.2), ratio=(0.5, 2))
    top, left, bottom, right = np.moveaxis(found[:, 0], 1, 0)
    height, width = bottom - top, right - left
    area = height * width / (60 * 90)
    assert area.min() > 0.09 and area.max() < 0.22
    shape = height / width
    assert shape.min() > 0.45 and shape.max() < 2.15
    # On a logarithmic scale, as many are wide as are tall.
    assert 0.4 < (shape < 1).mean() < 0.6
    assert top.min() <= 1 and left.min() <= 1
    assert bottom.max() >= 59 and right.max() >= 89


def test_a_side_is_no_longer_than_the_image():
    _, found = boxes(scale=(0.9, 0.9), ratio=(20, 20))
    assert (found[:, 0, 2] - found[:, 0, 0] == 60).all()


@pytest.mark.slow
def test_boxes_are_those_of_torchvision_for_the_same_numbers(tmp_path):
    policy, found = boxes(50, scale=(0.05, 0.2), ratio=(0.3, 3.3))
    drawn = policy._draws.numbers(np, 1, 0, np.arange(50))
    # torchvision draws area, ratio, then where the box is.
    expected = in_peer(
        tmp_path,
        "torchvision",
        "import torch\n"
        "from torchvision.transforms.v2 import RandomErasing\n"
        "result = []\n"
        "for area, ratio in zip(given['area'], given['ratio']):\n"
        "    change = RandomErasing(1, (area, area), (np.exp(ratio),) * 2)\n"
        "    params = change.make_params([torch.zeros(1, 60, 90)])\n"
        "    result.append([params['h'], params['w']])\n"
        "result = np.array(result)",
        area=drawn["erase_area_tall"].astype(float),
        ratio=drawn["erase_ratio"].astype(float),
    )
    sides = found[:, 0, 2:] - found[:, 0, :2]
    # Those that do not fit torchvision leaves out, and it rounds to the nearest.
    fits = (expected < [59, 89]).all(axis=1)
    assert fits.mean() > 0.8
    assert np.abs(sides - expected)[fits].max() <= 1


def test_as_many_boxes_as_are_drawn_and_each_elsewhere():
    _, found = boxes(2000, count=(1, 4), scale=(0.01, 0.02))
    some = (found[:, :, 2] > found[:, :, 0]).sum(axis=1)
    counts = np.bincount(some, minlength=5)
    assert counts[0] == 0 and counts[1:].min() > 400
    # The first is the one that is alone.
    _, alone = boxes(2000, scale=(0.01, 0.02))
    assert (alone[:, 0] == found[:, 0]).all()
    four = found[some == 4]
    places = four[:, :, 0]
    assert np.abs(np.corrcoef(places.T) - np.eye(4)).max() < 0.15
    white = np.full((5, *SHAPE), 255, "uint8")
    settings = {"count": 3, "scale": (0.01, 0.02), "fill_value": 0}
    changed = augment(white, erasing=settings, seed=1)
    _, found = boxes(5, **settings)
    for image, of_image in zip(changed, found.astype(int), strict=True):
        expected = np.full(SHAPE, 255, "uint8")
        for top, left, bottom, right in of_image:
            expected[top:bottom, left:right] = 0
        assert (image == expected).all()


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"ratio": 0}, ["`ratio`", "at least 0.01"]),
        ({"ratio": "wide"}, ["`ratio`", "'wide'"]),
        ({"ratio": (1, float("nan"))}, ["`ratio`", "NA"]),
        ({"count": 0}, ["`count`", "at least 1"]),
        ({"count": 33}, ["`count`", "at most 32"]),
        ({"count": 1.5}, ["`count`", "whole number"]),
        ({"number": 3}, ["'number'", "count"]),
    ],
)
def test_bad_settings_are_refused(refused, settings, parts):
    with refused((ValueError, TypeError), "erasing", *parts):
        augmentation(erasing=settings)


def test_a_box_prints_its_shape_and_how_many():
    policy = augmentation(erasing={"ratio": (0.3, 3.3), "count": (2, 8)})
    assert "2 to 8 boxes of 2 to 33 % of the area, 0.3 to 3.3 times" in repr(policy)
