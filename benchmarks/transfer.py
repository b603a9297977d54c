"""Transfer learning: `fit_classifier` against plain Keras with the same layers by hand.

Prints, for three jobs, medians over interleaved runs and their ratio: the head on VGG16
at 32 x 32, the head on MobileNet at 128, and the last block of VGG16 at 224. The model
is the same on both sides, with its preprocessing inside; plain Keras calls `model.fit`
on the images in memory. Every run starts with an empty cache of features, so that their
one computation is in the time. Then the peak memory of both, each in a process of its
own. Then the accuracy on cats and dogs upsampled to 128, with MobileNet 0.25's real
weights, the head alone and fine-tuned in stages, over three seeds, and for each of ten
subsets of 500; without the photos or the weights in `../shared` it says so.

    python benchmarks/transfer.py [--images N] [--epochs N] [--rounds N] [--parts ...]
    python benchmarks/transfer.py --parts subsets

All of it takes about 20 minutes on two cores. The ratio hangs on the number of epochs:
fewer images give the same arithmetic per image, so the last job has only 100. Very few
give a lower ratio, as both sides start with a second or so of compiling.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SHARED = Path(__file__).parents[2] / "shared"
PHOTOS = SHARED / "data" / "cats-dogs-32.tar.xz"
WEIGHTS = SHARED / "weights" / "mobilenet_2_5_224_tf_no_top.h5"


@dataclass
class Job:
    """What is measured: a backbone, what of it is trained, and how much faster."""

    backbone: str
    size: int
    train: str
    images: int
    epochs: int
    wanted: float


JOBS = {
    "vgg16-head": Job("vgg16", 32, "head", 1000, 10, 7),
    "mobilenet-head": Job("mobilenet", 128, "head", 1000, 10, 6),
    "vgg16-block": Job("vgg16", 224, "last_block", 100, 5, 2.5),
}


def job_model(job):
    """Return the model of a job; random weights take as long as learned ones."""
    import reticnn

    shape = (job.size, job.size, 3)
    model = reticnn.transfer_model(job.backbone, shape, weights=None, seed=1)
    # Of a backbone without weights batch normalisation would learn, and nothing of
    # what comes after could be kept.
    reticnn.freeze(model)
    reticnn.unfreeze(model, model.layers[-1])
    if job.train != "head":
        reticnn.unfreeze(model, job.train)
    return model


def plain(model, job, images, codes):
    """Train with plain Keras."""
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(images, codes, batch_size=32, epochs=job.epochs, verbose=0)


def ours(model, job, data):
    """Train with `fit_classifier`."""
    import reticnn

    reticnn.fit_classifier(model, data, epochs=job.epochs, progress="none", seed=1)


def run_once(job, side):
    """Train a job on one side; return the seconds of training alone."""
    import reticnn

    data = reticnn.shape_images(job.images, image_size=job.size, seed=1)
    images = data.read(np.arange(job.images))
    model = job_model(job)
    start = time.perf_counter()
    if side == "plain":
        plain(model, job, images, data.codes)
    else:
        ours(model, job, data)
    return time.perf_counter() - start


def compare_times(name, job, rounds):
    """Measure and print the times of a job."""
    times = {"plain": [], "ours": []}
    for number in range(rounds):
        for side in list(times)[:: 1 if number % 2 else -1]:
            times[side].append(run_once(job, side))
    medians = {side: statistics.median(values) for side, values in times.items()}
    print(
        f"{name}: {job.images} images of {job.size} x {job.size}, {job.epochs} epochs: "
        f"plain Keras {medians['plain']:.1f} s, ours {medians['ours']:.1f} s, "
        f"{medians['plain'] / medians['ours']:.2f} times as fast "
        f"(wanted: >= {job.wanted})",
        flush=True,
    )


def compare_memory(name, job):
    """Measure and print the peak memory of a job, each side in its own process."""
    peaks = {}
    for side in ("plain", "ours"):
        code = [sys.executable, __file__, "--peak", name, side]
        code += ["--images", str(job.images), "--epochs", "2"]
        answer = subprocess.run(code, capture_output=True, text=True, check=True)
        peaks[side] = int(answer.stdout.split()[-1]) / 2**20
    print(
        f"{name}: peak memory, plain Keras {peaks['plain']:,.0f} MiB, fit_classifier "
        f"{peaks['ours']:,.0f} MiB (wanted: at most 1,024 MiB more)",
        flush=True,
    )


def print_peak(job, side):
    """Train, and print the peak memory of this process in bytes."""
    run_once(job, side)
    print(peak_bytes())


def peak_bytes():
    """Return the most memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        # What `resource` says there begins with the size of the process before.
        peak = next(x for x in status.read_text().splitlines() if "VmHWM" in x)
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def photos(folder):
    """Return the cats and dogs as training and test data, resized to 128 x 128."""
    import reticnn

    with tarfile.open(PHOTOS) as archive:
        archive.extractall(folder, filter="data")
    found = sorted(path for path in Path(folder).rglob("train") if path.is_dir())[0]
    return (
        reticnn.image_folder(found, image_size=128),
        reticnn.image_folder(found.parent / "test", image_size=128),
    )


def tuned(name, model, data, epochs, seed):
    """Train with all settings but these by default; both see as many epochs."""
    import reticnn

    options = {"progress": "none", "seed": seed}
    if name == "in stages":
        return reticnn.fine_tune(model, data, epochs=epochs, **options)
    return reticnn.fit_classifier(
        model, data, validation=0.2, epochs=3 * epochs, early_stopping=3, **options
    )


def compare_accuracy(images, epochs, seeds):
    """Train on photos and print the test accuracies."""
    import reticnn

    if not PHOTOS.exists() or not WEIGHTS.exists():
        print(f"Accuracy is skipped: {PHOTOS} or {WEIGHTS} does not exist.")
        return
    results = {"head only": [], "in stages": []}
    with tempfile.TemporaryDirectory() as folder:
        train, test = photos(folder)
        for seed in range(1, seeds + 1):
            part = train
            if images < len(train):
                share = images / len(train)
                parts = {"kept": share, "left": 1 - share}
                part = reticnn.split_images(train, parts, seed=seed)["kept"]
            for name, values in results.items():
                model = reticnn.transfer_model(
                    "mobilenet_0.25", (128, 128, 3), weights=WEIGHTS, seed=seed
                )
                classifier = tuned(name, model, part, epochs, seed)
                scores = reticnn.evaluate_classifier(classifier, test)
                values.append(scores["accuracy"])
    print(f"MobileNet 0.25, {images} cats and dogs at 128, {len(test)} test images:")
    for name, values in results.items():
        each = ", ".join(f"{value:.4f}" for value in values)
        print(f"  {name}: test accuracy {each}; mean {statistics.mean(values):.4f}")
    print("  (wanted: head only >= 0.72, in stages above it)")


def compare_subsets(images, subsets):
    """Train on subsets of the photos, and print whether fine-tuning is ever worse."""
    import reticnn

    if not PHOTOS.exists() or not WEIGHTS.exists():
        print(f"Subsets are skipped: {PHOTOS} or {WEIGHTS} does not exist.")
        return
    results = {"head only": [], "in stages": []}
    with tempfile.TemporaryDirectory() as folder:
        train, test = photos(folder)
        share = images / len(train)
        for seed in range(1, subsets + 1):
            parts = {"kept": share, "left": 1 - share}
            part = reticnn.split_images(train, parts, seed=seed)["kept"]
            for name, values in results.items():
                model = reticnn.transfer_model(
                    "mobilenet_0.25", (128, 128, 3), weights=WEIGHTS, seed=seed
                )
                classifier = tuned(name, model, part, 10, seed)
                scores = reticnn.evaluate_classifier(classifier, test)
                values.append(scores["accuracy"])
            pair = ", ".join(f"{name} {each[-1]:.4f}" for name, each in results.items())
            print(f"{images} photos, subset {seed}: {pair}", flush=True)
    head, stages = (np.array(values) for values in results.values())
    print(
        f"in stages at least as good in {np.sum(stages >= head)} of {subsets} subsets, "
        f"means {head.mean():.4f} and {stages.mean():.4f} "
        f"(wanted: in all, and better on average)"
    )


def options():
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, help="images per job")
    parser.add_argument("--epochs", type=int, help="epochs per job, or per stage")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--subsets", type=int, default=10)
    parts = ["time", "memory", "accuracy", "subsets"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    """Measure and print."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    asked = options()
    for job in JOBS.values():
        job.images = asked.images or job.images
        job.epochs = asked.epochs or job.epochs
    if asked.peak:
        print_peak(JOBS[asked.peak[0]], asked.peak[1])
        return
    for name in asked.jobs:
        if "time" in asked.parts:
            compare_times(name, JOBS[name], asked.rounds)
        if "memory" in asked.parts:
            compare_memory(name, JOBS[name])
    if "accuracy" in asked.parts:
        compare_accuracy(asked.images or 2000, asked.epochs or 10, asked.seeds)
    if "subsets" in asked.parts:
        compare_subsets(asked.images or 500, asked.subsets)


if __name__ == "__main__":
    main()
