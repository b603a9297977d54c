"""Checkpoints with wrong bytes, or cut off, are refused and never taken for others."""

import json
import os
import random
import tempfile
import time
from pathlib import Path

import numpy as np

import reticnn
from reticnn.runtime.conditions import CheckpointError
from reticnn.training.callbacks.checkpoints import Checkpoints


def run(say, seconds, seed):
    """Damage the checkpoint of a small run, as written now and before it had a seal."""
    drawn, fell, tried = random.Random(seed), [], 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "reticnn-checkpoint.npz")
        reticnn.fit_classifier(
            reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, units=4, seed=1),
            reticnn.shape_images(24, image_size=8, seed=1),
            epochs=1, checkpoint_dir=folder, progress="none", seed=1,
        )  # fmt: skip
        sealed, unsealed = file.read_bytes(), without_seal(file)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            contents = drawn.choice([sealed, sealed, unsealed])
            what, harmed = damaged(drawn, contents)
            file.write_bytes(harmed)
            tried += 1
            try:
                Checkpoints(folder)
            except CheckpointError:
                continue
            except Exception as error:
                fell.append(f"{what}: {error!r}")
            else:
                # Of what older versions wrote, some bytes say nothing.
                if contents is sealed and harmed != sealed:
                    fell.append(f"{what}: taken for a good one")
    say(f"{tried} damaged checkpoints")
    return fell


def without_seal(file):
    """Return the bytes of a checkpoint as the version before wrote them."""
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    record = {**json.loads(str(arrays["record"])), "format": 2}
    np.savez(file, **{**arrays, "record": np.array(json.dumps(record))})
    return file.read_bytes()


def damaged(drawn, contents):
    """Return what has been done to some bytes, in words, and the bytes."""
    place = drawn.randrange(len(contents))
    # The ends of archives say what is in them.
    if drawn.random() < 0.5:
        place = max(0, len(contents) - 1 - drawn.randrange(3000))
    kind = drawn.choice(["bit", "byte", "zeros", "cut", "longer", "swapped"])
    harmed = bytearray(contents)
    if kind == "bit":
        harmed[place] ^= 1 << drawn.randrange(8)
    elif kind == "byte":
        harmed[place] = drawn.randrange(256)
    elif kind == "zeros":
        harmed[place : place + 512] = bytes(len(harmed[place : place + 512]))
    elif kind == "cut":
        del harmed[place:]
    elif kind == "longer":
        harmed += os.urandom(drawn.randrange(1, 70))
    else:
        harmed[place : place + 128] = harmed[place : place + 128][::-1]
    return f"{kind} at {place} of {len(contents)}", bytes(harmed)
