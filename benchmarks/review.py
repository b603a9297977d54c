"""Finding planted faults in images, and the time that it takes.

Copies (resized, compressed again, slightly cropped, brightened, mirrored, and two of
these at once) are planted among 10,000 photos of cats and dogs, whose folder or archive
is the argument, and among 10,000 generated images; then one label in ten is flipped.
Prints the recall and the precision of near duplicates, the average precision of wrong
labels against cleanlab's where that is installed, and seconds: of 10,000 images of 32 x
32 pixels, and of 2,000 files of 500 x 375. Pairs that are found among the photos before
anything is planted are photos that the data hold twice, and count neither way.
"""

import io
import os
import sys
import tempfile
import time

import numpy as np
from PIL import Image
from sklearn.metrics import average_precision_score

import reticnn
from reticnn.review.labels import suspects

PLANTED, COUNT, PHOTOS = 1000, 10_000, 2000


def resized(image, rng):
    """Return an image that was smaller or larger for a while."""
    height, width = image.shape[:2]
    scale = rng.uniform(0.6, 0.9) if rng.random() < 0.5 else rng.uniform(1.2, 2)
    size = round(width * scale), round(height * scale)
    other = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(other.resize((width, height), Image.Resampling.BILINEAR))


def compressed(image, rng):
    """Return an image that was a JPEG of middling quality."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(rng.integers(50, 90)))
    return np.asarray(Image.open(file))


def cropped(image, rng):
    """Return an image without 2 to 10 % of its height and of its width."""
    height, width = image.shape[:2]
    own_height = round(height * (1 - rng.uniform(0.02, 0.1)))
    own_width = round(width * (1 - rng.uniform(0.02, 0.1)))
    top = rng.integers(0, height - own_height + 1)
    left = rng.integers(0, width - own_width + 1)
    part = image[top : top + own_height, left : left + own_width]
    whole = Image.fromarray(part).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(whole)


def brightened(image, rng):
    """Return an image that is brighter and has more contrast."""
    lighter = image * rng.uniform(1.1, 1.4) + rng.uniform(0, 20)
    return np.clip(lighter, 0, 255).astype(np.uint8)


def mirrored(image, rng):
    """Return the mirror image."""
    return image[:, ::-1].copy()


CHANGES = [resized, compressed, cropped, brightened, mirrored]


def changed(image, number, rng):
    """Return the name of a change and the changed image; every sixth is two changes."""
    if number % 6 < 5:
        change = CHANGES[number % 6]
        return change.__name__, change(image, rng)
    for at in rng.choice(5, 2, replace=False):
        image = CHANGES[at](image, rng)
    return "two at once", image


def pairs_in(review):
    """Return all pairs of images that are in one finding of copies."""
    groups = {}
    rows = zip(review["finding"], review["kind"], review["image"], strict=True)
    for finding, kind, image in rows:
        if kind.endswith("duplicates"):
            groups.setdefault(finding, []).append(image)
    return {
        (one, other)
        for group in map(sorted, groups.values())
        for at, one in enumerate(group)
        for other in group[at + 1 :]
    }


def copies(name, images, held_twice):
    """Plant copies among images, and print how many of them are found."""
    rng = np.random.default_rng(1)
    kinds = ["exact_duplicates", "near_duplicates"]
    before = set()
    if held_twice:
        before = pairs_in(reticnn.review_images(reticnn.image_arrays(images)))
    chosen = rng.choice(len(images), PLANTED, replace=False)
    made = [changed(images[at], number, rng) for number, at in enumerate(chosen)]
    data = np.concatenate([images, np.stack([image for _, image in made])])
    start = time.perf_counter()
    review = reticnn.review_images(reticnn.image_arrays(data), kinds=kinds)
    seconds = time.perf_counter() - start
    origin = np.concatenate([np.arange(len(images)), chosen])
    found = pairs_in(review)
    planted = {(int(at), len(images) + number) for number, at in enumerate(chosen)}
    # A copy of a photo that is there twice is a copy of the other one as well.
    twice = {tuple(sorted((origin[one], origin[other]))) for one, other in found}
    twice &= before
    false = [
        pair
        for pair in found
        if origin[pair[0]] != origin[pair[1]]
        and tuple(sorted(origin[list(pair)])) not in twice
    ]
    hits = len(found & planted)
    print(f"{name}: {len(data):,} images in {seconds:.1f} s")
    for kind in dict.fromkeys(kind for kind, _ in made):
        own = [number for number, (own, _) in enumerate(made) if own == kind]
        got = sum((int(chosen[at]), len(images) + at) in found for at in own)
        print(f"  {kind:<12} recall {got / len(own):.3f}")
    print(f"  all          recall {hits / PLANTED:.3f}")
    print(f"  precision {hits / (hits + len(false)):.3f}, {len(false)} false pairs")
    if held_twice:
        print(f"  {len(before)} pairs of photos that were there twice before")


def labels(data):
    """Flip one label in ten and print the average precision of those found."""
    rng = np.random.default_rng(2)
    codes = data.codes
    is_wrong = rng.random(len(codes)) < 0.1
    given = np.where(is_wrong, 1 - codes, codes)
    images = reticnn.load_images(data)["images"]
    noisy = reticnn.image_arrays(images, np.array(data.class_names)[given])
    chances = np.empty((len(codes), 2))
    for fold in range(2):
        inside = np.arange(len(codes)) % 2 == fold
        classifier = reticnn.fit_classifier(
            reticnn.build_cnn(seed=1),
            noisy[~inside],
            epochs=4,
            seed=1,
            progress="none",
        )
        table = reticnn.predict_images(classifier, noisy[inside], progress="none")
        columns = [table[f".pred_{name}"] for name in noisy.class_names]
        chances[inside] = np.stack(columns, axis=1)
    own, _ = suspects(given, chances)
    print(f"wrong labels: {is_wrong.sum():,} of {len(codes):,} flipped")
    say_precision("ours", own, is_wrong)
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        print("  cleanlab is not installed: no comparison")
        return
    theirs = find_label_issues(
        given, chances, return_indices_ranked_by="self_confidence"
    )
    say_precision("cleanlab", theirs, is_wrong)


def say_precision(name, images, is_wrong):
    """Print the average precision of ranked images, those not among them last."""
    scores = np.zeros(len(is_wrong))
    scores[images] = np.arange(len(images), 0, -1)
    precision = average_precision_score(is_wrong, scores)
    print(f"  {name:<9} {len(images):,} found, average precision {precision:.3f}")


def photos():
    """Print the seconds for files of 500 x 375 pixels."""
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PHOTOS):
            blobs = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            pixels = np.asarray(blobs.resize((500, 375)), np.int16)
            pixels = pixels + rng.integers(-20, 21, pixels.shape, dtype=np.int16)
            photo = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            photo.save(os.path.join(folder, f"{number}.jpg"))
        files = sorted(os.path.join(folder, file) for file in os.listdir(folder))
        data = reticnn.image_table(files, image_size=(375, 500))
        start = time.perf_counter()
        reticnn.review_images(data)
        seconds = time.perf_counter() - start
        print(f"{PHOTOS:,} files of 500 x 375 pixels: {seconds:.1f} s, at most 40")


def main():
    """Print all of it; without photos, what can be done with generated images."""
    shapes = reticnn.shape_images(COUNT, 6, seed=3)
    copies("generated images", reticnn.load_images(shapes)["images"], False)
    photos()
    if len(sys.argv) < 2:
        print("Give the cats and dogs, as `cats_and_dogs()` takes them, for the rest.")
        return
    data = reticnn.cats_and_dogs(sys.argv[1])["train"]
    copies("cats and dogs", reticnn.load_images(data)["images"], True)
    start = time.perf_counter()
    reticnn.review_images(data)
    seconds = time.perf_counter() - start
    print(f"{len(data):,} images of 32 x 32 pixels: {seconds:.1f} s, at most 20")
    labels(data)


if __name__ == "__main__":
    main()
