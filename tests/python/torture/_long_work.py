"""Long work of every kind, for `stopping` to interrupt: one phase for each line read.

`python -m torture._long_work FOLDER` says `go` when a phase begins, and `back` with
what came of it once the caller has the prompt again.
"""

import os
import sys
import threading
import time
import warnings

import numpy as np

import reticnn

ROOT = sys.argv[1]
MODELS = {}


def pixels(count, size):
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


def labelled(count, size):
    labels = ["cat" if number % 2 else "dog" for number in range(count)]
    return reticnn.image_arrays(pixels(count, size), labels)


def photos(**arguments):
    return reticnn.image_folder(f"{ROOT}/photos", 64, cache="none", **arguments)


def cnn(size=64):
    return reticnn.build_cnn((size, size, 3), n_blocks=3, batch_norm=True, seed=1)


def made(name, make):
    if name not in MODELS:
        MODELS[name] = make()
    return MODELS[name]


def classifier():
    return made("small", lambda: fitted(cnn(), labelled(32, 64), epochs=1))


def large():
    def make():
        return fitted(
            reticnn.build_mlp((64, 64, 3), units=[4000]), labelled(32, 64), epochs=1
        )

    return made("large", make)


def saved():
    def save():
        reticnn.save_classifier(large(), f"{ROOT}/large.reticnn")
        return True

    return made("saved", save)


def fitted(model, data, **arguments):
    return reticnn.fit_classifier(
        model, data, progress="none", seed=1, **{"epochs": 100, **arguments}
    )


def again(action):
    for _ in range(1000):
        action()


# For each phase, what is made ready, and the work.
PHASES = {
    "listing": (None, lambda: again(lambda: reticnn.image_folder(f"{ROOT}/many", 8))),
    "checking": (None, lambda: reticnn.check_images(f"{ROOT}/photos")),
    "skipping": (None, lambda: photos(on_bad_image="skip")),
    "decoding": (None, lambda: reticnn.load_images(photos())),
    "first batch": (
        lambda: labelled(2000, 64),
        lambda: fitted(cnn(), labelled(2000, 64)),
    ),
    "first batch of files": (cnn, lambda: fitted(cnn(), photos())),
    "training": (cnn, lambda: fitted(cnn(32), labelled(500, 32))),
    "validation": (
        cnn,
        lambda: fitted(cnn(), labelled(32, 64), validation=labelled(6000, 64)),
    ),
    "validation on files": (
        cnn,
        lambda: fitted(cnn(), labelled(32, 64), validation=photos()),
    ),
    "feature caching": (
        cnn,
        lambda: fitted(
            reticnn.transfer_model("vgg16", (64, 64, 3), weights=None, seed=1),
            labelled(4000, 64),
        ),
    ),
    "predicting files": (
        classifier,
        lambda: reticnn.predict_images(classifier(), photos()),
    ),
    "predicting arrays": (
        classifier,
        lambda: again(lambda: reticnn.predict_images(classifier(), pixels(3000, 64))),
    ),
    "evaluating": (
        classifier,
        lambda: reticnn.evaluate_classifier(classifier(), photos()),
    ),
    "reporting": (
        classifier,
        lambda: reticnn.report_classifier(classifier(), photos(), f"{ROOT}/page.html"),
    ),
    "reporting arrays": (
        classifier,
        lambda: again(
            lambda: reticnn.report_classifier(
                classifier(), labelled(300, 64), f"{ROOT}/page.html"
            )
        ),
    ),
    "augmenting": (
        None,
        lambda: again(
            lambda: reticnn.augment(pixels(3000, 64), reticnn.rand_augment(), seed=1)
        ),
    ),
    "saving": (
        large,
        lambda: again(
            lambda: reticnn.save_classifier(large(), f"{ROOT}/again.reticnn")
        ),
    ),
    "loading": (
        saved,
        lambda: again(lambda: reticnn.load_classifier(f"{ROOT}/large.reticnn")),
    ),
    "finding a learning rate": (
        cnn,
        lambda: reticnn.find_learning_rate(cnn(), labelled(2000, 64), steps=1000),
    ),
    "learning augmentation": (
        cnn,
        lambda: reticnn.learn_augmentation(
            cnn, labelled(500, 64), trials=4, progress="none", seed=1
        ),
    ),
    "downloading": (None, reticnn.cats_and_dogs),
}


def working_threads():
    """Count the threads and processes that are at work though nobody waits for them."""
    begin = time.process_time()
    time.sleep(0.2)
    return time.process_time() - begin > 0.1


def serve():
    warnings.simplefilter("ignore")
    print("ready", flush=True)
    for line in sys.stdin:
        get_ready, work = PHASES[line.strip()]
        if get_ready:
            get_ready()
        print("@go", flush=True)
        try:
            work()
            came = "done"
        except KeyboardInterrupt:
            came = "stopped"
        except Exception as error:
            came = f"{type(error).__name__}: {error}"
        print("@back", came.replace("\n", " ")[:200], flush=True)
        busy = working_threads()
        count = len(reticnn.predict_images(classifier(), pixels(2, 64))[".pred_class"])
        usable = count == 2 and len(reticnn.load_images(photos()[:1])["images"]) == 1
        threads = [thread.name for thread in threading.enumerate()]
        print("@left", "busy" if busy else "idle", usable, threads, flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    serve()
