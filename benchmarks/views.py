"""Time of predictions over ten crops, against ten predictions of one view.

Both in one process, interleaved. Ten crops read each image once, so that they may cost
less than ten times one view.
"""

import statistics
import time

import numpy as np

import reticnn

IMAGES, SIZE, ROUNDS, WANTED = 64, 64, 15, 10.5


def seconds(model, images, **options):
    """Return the seconds of one prediction of all images."""
    start = time.perf_counter()
    reticnn.predict_images(model, images, **options)
    return time.perf_counter() - start


def main():
    """Measure and print."""
    draw = np.random.default_rng(1)
    room = SIZE * 8 // 7
    larger = draw.integers(0, 256, (IMAGES, room, room, 3)).astype("uint8")
    images = np.ascontiguousarray(larger[:, :SIZE, :SIZE])
    model = reticnn.landmark_model("mobilenet", (SIZE, SIZE, 3), 10, width=0.5)
    seconds(model, images)
    single, crops = [], []
    for _ in range(ROUNDS):
        # Five single passes on either side of the ten crops, so that both see the same
        # of whatever else the machine is doing.
        before = [seconds(model, images) for _ in range(5)]
        crops.append(seconds(model, larger, crops=10))
        single.append(sum(before + [seconds(model, images) for _ in range(5)]))
    of_pairs = [ten / ones for ten, ones in zip(crops, single, strict=True)]
    ones, ten = statistics.median(single), statistics.median(crops)
    print(
        f"{IMAGES} images of {SIZE} x {SIZE}: ten single passes {ones * 1e3:.0f} ms, "
        f"ten crops {ten * 1e3:.0f} ms\n"
        f"ten crops cost {10 * ten / ones:.2f} single passes by medians, "
        f"{10 * statistics.median(of_pairs):.2f} by the median of the pairs' ratios "
        f"(wanted: <= {WANTED})"
    )


if __name__ == "__main__":
    main()
