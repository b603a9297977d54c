"""Having the calls of some layers done in another way for a while."""

import contextlib
import inspect


@contextlib.contextmanager
def calls_by(layers, visit):
    """Have each call of some layers done by `visit(layer, call, bound arguments)`.

    Blocks may stand in each other: the inner one's `call` is then the outer one's.
    """

    def replaced(layer):
        call = layer.call
        signature = inspect.signature(call)

        def by_visit(*args, **kwargs):
            return visit(layer, call, signature.bind(*args, **kwargs))

        # For a block within, which binds arguments too.
        by_visit.__signature__ = signature
        return by_visit

    before = [vars(layer).get("call") for layer in layers]
    try:
        for layer in layers:
            vars(layer)["call"] = replaced(layer)
        yield
    finally:
        for layer, call in zip(layers, before, strict=True):
            vars(layer).pop("call", None)
            if call is not None:
                vars(layer)["call"] = call
