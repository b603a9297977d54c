"""`python -m relations SECONDS [SEED]`: search until the time is over."""

import sys


def make_devices():
    """Make two devices of the processor, as is possible before the backend starts."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_num_cpu_devices", 2)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2,
        )


if __name__ == "__main__":
    make_devices()
    from .search import Search

    def say(text):
        print(text, flush=True)

    seconds, seed = (*map(int, sys.argv[1:3]), 1)[:2]
    sys.exit(not Search(say).run(seconds, seed))
