"""Reviews of image data: what was planted is found, and nothing else."""

import io

import numpy as np
import pytest
from PIL import Image

import reticnn
from reticnn.review.review import KINDS


def photos(count, seed=1, size=48):
    """Return images that look like none of the others, with shapes and grain."""
    rng = np.random.default_rng(seed)
    blobs = rng.integers(40, 216, (count, 6, 6, 3), dtype=np.uint8)
    scenes = [
        Image.fromarray(blob).resize((size, size), Image.Resampling.BICUBIC)
        for blob in blobs
    ]
    grain = rng.normal(0, 10, (count, size, size, 3))
    return np.clip(np.stack(scenes) + grain, 0, 255).astype(np.uint8)


def compressed(image, quality=60):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def resized(image, side):
    small = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small.resize(image.shape[1::-1], Image.Resampling.BILINEAR))


def cropped(image):
    side = image.shape[0]
    part = Image.fromarray(image[: side - 3, 2:])
    return np.asarray(part.resize((side, side), Image.Resampling.BILINEAR))


def brightened(image):
    return np.clip(image * 1.2 + 15, 0, 255).astype(np.uint8)


def mirrored(image):
    return image[:, ::-1]


CHANGES = [compressed, lambda image: resized(image, 40), cropped, brightened, mirrored]


def found(review, kind):
    """Return the images of each finding of a kind, with their parts."""
    columns = (review[name] for name in ("finding", "kind", "part", "image"))
    images = {}
    for finding, own_kind, part, image in zip(*columns, strict=True):
        if own_kind == kind:
            images.setdefault(finding, []).append(
                image if part is None else (part, image)
            )
    return sorted(images.values())


def review_of(images, labels=None, **arguments):
    return reticnn.review_images(
        reticnn.image_arrays(images, labels), progress="none", **arguments
    )


def test_every_kind_of_copy_is_found_and_nothing_else():
    images = photos(300)
    copies = np.stack([change(images[at]) for at, change in enumerate(CHANGES)])
    review = review_of(np.concatenate([images, copies, images[10:12]]))
    assert found(review, "near_duplicates") == [[at, 300 + at] for at in range(5)]
    assert found(review, "exact_duplicates") == [[10, 305], [11, 306]]
    # Compressing takes grain away.
    assert set(review["kind"]) - {"blurred"} == {"near_duplicates", "exact_duplicates"}
    extra = np.array(review["image"])[review["extra"]]
    assert sorted(extra) == list(range(300, 307))


def test_a_group_of_copies_is_one_finding_and_may_hold_both_kinds():
    images = photos(40)
    again = np.stack([images[3], compressed(images[3]), mirrored(images[3])])
    review = review_of(np.concatenate([images, again]))
    assert found(review, "near_duplicates") == [[3, 40, 41, 42]]
    assert review["extra"] == [False, True, True, True]


def test_copies_in_several_parts_are_leaks_and_their_labels_are_compared():
    images = photos(60)
    train = reticnn.image_arrays(images[:40], ["cat", "dog"] * 20)
    copies = np.concatenate([images[40:], images[:1], compressed(images[1])[None]])
    test = reticnn.image_arrays(copies, ["dog", "cat"] * 10 + ["cat", "cat"])
    parts = {"train": train, "test": test}
    review = reticnn.review_images(parts, progress="none")
    leaks = [[("train", 0), ("test", 20)], [("train", 1), ("test", 21)]]
    assert found(review, "leak") == leaks
    assert found(review, "conflicting_labels") == leaks[1:]
    rows = zip(review["kind"], review["part"], review["extra"], strict=True)
    assert all(
        extra == (part == "train") for kind, part, extra in rows if kind == "leak"
    )
    assert review["severity"][:6] == ["high"] * 6
    assert repr(review).startswith("<Review> 62 images (train 40, test 22): ")


def test_the_order_of_the_images_does_not_matter():
    images = photos(80)
    images = np.concatenate([images, [cropped(images[4]), mirrored(images[9])]])
    order = np.random.default_rng(2).permutation(len(images))
    pairs = found(review_of(images[order]), "near_duplicates")
    as_before = sorted(sorted(order[pair].tolist()) for pair in pairs)
    assert (
        as_before == found(review_of(images), "near_duplicates") == [[4, 80], [9, 81]]
    )


def test_files_are_reviewed_as_arrays_are(tmp_path):
    images = photos(24)
    images[5], images[7] = compressed(images[6]), 1
    for at, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{at:02}.png")
    review = reticnn.review_images(
        reticnn.image_table(sorted(tmp_path.iterdir()), image_size=48), progress="none"
    )
    arrays = review_of(images)
    same = ("kind", "image", "value", "why", "extra", "severity")
    assert {name: review[name] for name in same} == {
        name: arrays[name] for name in same
    }
    assert [file[-6:] for file in review["file"]] == ["07.png", "05.png", "06.png"]
    assert arrays["file"] == [None] * 3


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("blank", lambda image: np.full_like(image, 90)),
        ("dark", lambda image: image // 8),
        ("overexposed", lambda image: np.minimum(image * 1.0 + 150, 255)),
        ("low_contrast", lambda image: 100 + (image - 100.0) / 8),
        ("blurred", lambda image: resized(image, 5)),
        (
            "constant_border",
            lambda image: np.pad(image[8:40], ((8, 8), (0, 0), (0, 0))),
        ),
        ("grey", lambda image: image[..., :1].repeat(3, axis=2)),
    ],
)
def test_odd_pictures_are_found_with_number_threshold_and_reason(kind, change):
    images = photos(40)
    images[13] = change(images[13]).astype(np.uint8)
    review = review_of(images)
    assert found(review, kind) == [[13]]
    row = review["kind"].index(kind)
    value, threshold = review["value"][row], review["threshold"][row]
    assert f"{threshold:g}; the median of the data is" in review["why"][row]
    assert not set(review_of(images, thresholds={kind: value})["kind"]) & {kind}


def test_pictures_are_compared_with_the_others_of_the_data():
    night = photos(40) // 10
    assert "dark" not in review_of(night)["kind"]
    assert found(review_of(night, outlying=0), "dark") != []
    grey = photos(40)[..., :1].repeat(3, axis=3)
    assert "grey" not in review_of(grey)["kind"]


def test_files_that_are_tiny_or_long_are_found(tmp_path):
    for at, image in enumerate(photos(12)):
        size = {3: (20, 20), 8: (400, 40)}.get(at, (64, 48))
        Image.fromarray(image).resize(size).save(tmp_path / f"{at:02}.png")
    files = reticnn.image_table(sorted(tmp_path.iterdir()), image_size=48)
    review = reticnn.review_images(files, progress="none")
    assert found(review, "tiny") == [[3]]
    assert found(review, "odd_aspect") == [[8]]
    padded = reticnn.image_table(files.files, image_size=48, resize="pad")
    kinds = reticnn.review_images(padded, progress="none")["kind"]
    assert "constant_border" not in kinds


def test_classes_too_small_or_too_large_are_found():
    data = reticnn.image_arrays(photos(70), ["a"] * 60 + ["b"] * 5 + ["c"] * 5)
    review = reticnn.review_images(data, progress="none")
    assert review["kind"] == ["small_class", "small_class", "imbalance"]
    assert review["value"] == [5, 5, 12]
    assert review["image"] == [None] * 3
    assert "'b' has 5 images" in review["why"][0]


@pytest.mark.parametrize("channels", [1, 2, 4, 13])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_any_kind_are_reviewed(channels, dtype):
    rng = np.random.default_rng(3)
    images = np.concatenate([photos(30), photos(30, 2)[::-1]], axis=3).repeat(3, axis=3)
    images = images[..., rng.permutation(18)[:channels]].astype(dtype)
    images = images * 0.9 + 5.25 if dtype == np.float32 else images
    images = np.concatenate([images, images[4:5, :, ::-1], images[:1]]).astype(dtype)
    review = review_of(images)
    assert found(review, "near_duplicates") == [[4, 30]]
    assert found(review, "exact_duplicates") == [[0, 31]]


def test_few_images_and_plain_ones_are_no_trouble():
    assert review_of(photos(1))["kind"] == []
    assert repr(review_of(photos(1))) == "<Review> 1 image: no finding"
    plain = (
        np.zeros((5, 16, 16, 3), np.uint8)
        + np.arange(5, dtype=np.uint8)[:, None, None, None]
    )
    assert found(review_of(plain), "near_duplicates") == []
    assert len(found(review_of(plain), "blank")) == 5


def test_many_images_that_are_nearly_alike_end_in_one_group():
    rng = np.random.default_rng(5)
    images = photos(1).repeat(400, axis=0) + rng.integers(0, 3, (400, 48, 48, 3))
    review = review_of(images.astype(np.uint8), kinds="near_duplicates")
    assert len(found(review, "near_duplicates")) == 1
    assert len(review["image"]) == 400


def test_kinds_are_chosen_and_progress_is_told():
    told = []
    images = photos(20)
    images[3], images[4] = 0, images[5]
    data = reticnn.image_arrays(images)
    review = reticnn.review_images(data, kinds="blank", progress=told.append)
    assert set(review["kind"]) == {"blank"} and review.kinds == ["blank"]
    assert told[-1]["done"] and told[-1]["step"] == told[-1]["steps"]
    both = reticnn.review_images(data, kinds=["blank", "exact_duplicates"])
    assert both["kind"] == ["blank", "exact_duplicates", "exact_duplicates"]


def test_bad_input_is_refused_by_name(refused, tmp_path):
    data = reticnn.image_arrays(photos(4))
    with refused(ValueError, "kinds", "'near_duplicate'", "'near_duplicates'"):
        reticnn.review_images(data, kinds="near_duplicate")
    with refused(ValueError, "thresholds", "'drak'", "Did you mean 'dark'?"):
        reticnn.review_images(data, thresholds={"drak": 3})
    with refused(ValueError, "thresholds['dark']", "-3"):
        reticnn.review_images(data, thresholds={"dark": -3})
    with refused(TypeError, "thresholds", "3"):
        reticnn.review_images(data, thresholds=3)
    with refused(ValueError, "outlying", "-1"):
        reticnn.review_images(data, outlying=-1)
    with refused(ValueError, "data", "no images"):
        reticnn.review_images(data[:0])
    with refused(ValueError, "data", "no parts"):
        reticnn.review_images({})
    with refused(TypeError, "data", "7"):
        reticnn.review_images({"train": data, "test": 7})
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"bad\.png"):
        reticnn.review_images(reticnn.image_table([tmp_path / "bad.png"]))


def test_every_kind_is_documented():
    text = reticnn.review_images.__doc__
    assert all(f"`{kind}`" in text for kind in KINDS)


def photo_with_exif(path, image, seconds, camera="Trap 7"):
    exif = Image.Exif()
    exif[0x0110] = camera
    exif[0x0132] = f"2024:05:01 10:00:{seconds:02}"
    Image.fromarray(image).save(path, exif=exif)


def test_photos_of_one_camera_within_seconds_are_a_burst(tmp_path):
    seconds = [0, 2, 30, 33, 36, 50]
    for at, (image, second) in enumerate(zip(photos(6), seconds, strict=True)):
        photo_with_exif(tmp_path / f"{at}.png", image, second)
    photo_with_exif(tmp_path / "6.png", photos(7)[6], 1, "Trap 8")
    data = reticnn.image_table(sorted(tmp_path.iterdir()), image_size=48)
    review = reticnn.review_images(data, kinds="burst", progress="none")
    assert found(review, "burst") == [[0, 1], [2, 3, 4]]
    assert set(review["severity"]) == {"low"}
    parts = {"train": data[:4], "test": data[4:]}
    review = reticnn.review_images(parts, kinds="burst", progress="none")
    assert review["severity"] == ["high"] * 3 + ["low"] * 2
    assert "3 photos of one camera, at most 3 seconds apart" in review["why"][0]
    few = reticnn.review_images(data, kinds="burst", thresholds={"burst": 2})
    assert found(few, "burst") == [[0, 1]]


def test_groups_in_several_parts_are_found():
    data = reticnn.image_arrays(photos(9)).with_groups(list("aabbbcccd"))
    parts = {"train": data[:4], "test": data[4:]}
    review = reticnn.review_images(parts, progress="none")
    groups = [[("train", 2), ("train", 3), ("test", 0)]]
    assert found(review, "group_in_parts") == groups
    assert "group_in_parts" not in reticnn.review_images(data)["kind"]


def test_splits_and_folds_keep_together_what_a_review_found():
    images = photos(60)
    near = np.stack([mirrored(image) for image in images[:20]])
    data = reticnn.image_arrays(np.concatenate([images, near]), ["a", "b"] * 40)
    review = reticnn.review_images(data, progress="none")
    for seed in range(3):
        parts = reticnn.split_images(data, 0.7, keep_together=review, seed=seed)
        kinds = reticnn.review_images(parts, progress="none")["kind"]
        assert "leak" not in kinds and "near_duplicates" in kinds
        assert len(parts["train"]) + len(parts["test"]) == 80
    assert "leak" in reticnn.review_images(reticnn.split_images(data, seed=1))["kind"]
    for fold in reticnn.fold_images(data, 3, keep_together=review, seed=1):
        parts = {name: fold[name] for name in ("train", "test")}
        assert "leak" not in reticnn.review_images(parts, progress="none")["kind"]
    groups = [f"group {number}" for number in np.arange(80) % 10]
    parts = reticnn.split_images(data, groups=groups, keep_together=review, seed=1)
    kinds = set(reticnn.review_images(parts, progress="none")["kind"])
    assert not kinds & {"leak", "group_in_parts"}


def test_reviews_of_other_data_are_refused_by_name(refused, cats):
    data = reticnn.image_folder(cats, 16)
    review = reticnn.review_images(data, progress="none", kinds=["near_duplicates"])
    with refused(ValueError, "keep_together", "other images", ".png"):
        one = {name: list(column) for name, column in review.items()}
        one["image"] = one["image"][::-1]
        reticnn.split_images(data, keep_together=one)
    pictures = np.concatenate([photos(10), photos(10)])
    data = reticnn.image_arrays(pictures, ["a"] * 5 + ["b"] * 15)
    of_arrays = reticnn.review_images(data, progress="none", kinds=["exact_duplicates"])
    with refused(ValueError, "keep_together", "other images"):
        reticnn.split_images(data[::-1], keep_together=of_arrays)
    bare = reticnn.image_arrays(pictures)
    of_arrays = reticnn.review_images(bare, progress="none")
    assert len(reticnn.split_images(bare, keep_together=of_arrays)["train"]) == 16
    with refused(ValueError, "keep_together", "other images", "the same are not"):
        reticnn.split_images(reticnn.image_arrays(photos(20)), keep_together=of_arrays)
    parts = reticnn.review_images({"train": data, "test": data}, progress="none")
    with refused(ValueError, "keep_together", "parts", "'train'"):
        reticnn.split_images(data, keep_together=parts)
    with refused(TypeError, "keep_together", "review_images()"):
        reticnn.split_images(data, keep_together=[1, 2])
    arrays = reticnn.image_arrays(np.concatenate([photos(10), photos(10)]))
    review = reticnn.review_images(arrays, progress="none")
    with refused(ValueError, "keep_together", "other images"):
        reticnn.split_images(arrays[:12], keep_together=review)


def test_pictures_of_a_review_stand_beside_each_other():
    images = photos(30)
    images[7] = 90
    again = np.stack([mirrored(images[4]), compressed(images[5])])
    data = reticnn.image_arrays(np.concatenate([images, again]))
    review = reticnn.review_images(data, progress="none")
    grid = reticnn.pictures_of_review(review, data, n=3)
    assert grid["columns"] == 3 and len(grid["pictures"]) % 3 == 0
    shown = [text.split("\n")[0].rsplit(" ", 1)[0] for text in grid["text"][::3]]
    assert shown == [kind.replace("_", " ") for kind in dict.fromkeys(review["kind"])]
    row = grid["text"].index(next(t for t in grid["text"] if t.startswith("near")))
    one, other = grid["pictures"][row : row + 2]
    assert (one == mirrored(other)).all() or abs(one - other.astype(float)).mean() < 20
    figure = reticnn.plot_review(review, data, "near_duplicates")
    assert figure.get_suptitle() == "near_duplicates"


def test_plots_of_reviews_say_what_is_wrong(refused):
    data = reticnn.image_arrays(photos(10)[[*range(10), 0, 1]])
    review = reticnn.review_images(data, progress="none")
    with refused(ValueError, "kind", "'exact_duplicates'"):
        reticnn.plot_review(review, data, "blank")
    with refused(ValueError, "data", "was reviewed"):
        reticnn.plot_review(review, {"train": data})
    with refused(ValueError, "data", "10 images"):
        reticnn.plot_review(review, data[:10])
    with refused(ValueError, "review", "no findings"):
        reticnn.plot_review(reticnn.review_images(data[:10]), data)
    with refused(TypeError, "review", "review_images()"):
        reticnn.plot_review(data, data)


def test_images_of_which_no_pair_can_be_a_copy_are_reviewed():
    rng = np.random.default_rng(1)
    pixels = rng.uniform(17, 76, (20, 64, 64, 13)).astype("float32")
    review = reticnn.review_images(
        reticnn.image_arrays(pixels), kinds=["near_duplicates"]
    )
    assert review["kind"] == []
