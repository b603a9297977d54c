"""Time of explanations in forward passes over the same images.

Grad-CAM has one pass, and the way back from the last feature maps. Occlusion and RISE
are compared with bare passes over as many images as they make copies.
"""

import argparse
import statistics
import time

import numpy as np

import reticnn

WANTED = {"grad_cam": 3.5, "occlusion": 1.2, "rise": 1.2}
MASKS = 96


def seconds(action):
    """Return the seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ratio(action, bare, passes, rounds):
    """Return the median ratio of an action to bare passes, one beside the other."""
    action()
    bare()
    ratios = []
    for _ in range(rounds):
        before = seconds(bare)
        own = seconds(action)
        ratios.append(own / (passes * (before + seconds(bare)) / 2))
    return statistics.median(ratios)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    draw = np.random.default_rng(1)
    shape = (given.images, given.size, given.size, 3)
    images = draw.integers(0, 256, shape).astype("float32")
    model = reticnn.landmark_model("mobilenet", shape[1:], 10, seed=1)

    def bare():
        model.predict_on_batch(images)

    def explain(some, method, **options):
        return lambda: reticnn.explain_prediction(
            model, some, "class_1", method, batch_size=given.images, **options
        )

    patch = given.size // 8
    occlusion = explain(images[:1], "occlusion", patch_size=patch, stride=patch)
    cases = {
        "grad_cam": (explain(images, "grad_cam"), 1),
        "occlusion": (occlusion, 64 / given.images),
        "rise": (explain(images[:1], "rise", samples=MASKS), MASKS / given.images),
    }
    print(f"MobileNet, {given.images} images of {given.size} x {given.size}")
    for name, (action, passes) in cases.items():
        found = ratio(action, bare, passes, given.rounds)
        print(f"{name}: {found:.2f} of the forward passes (wanted: <= {WANTED[name]})")


if __name__ == "__main__":
    main()
