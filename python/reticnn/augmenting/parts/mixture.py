"""The part `"mixture"`: images are averaged with changed versions of themselves.

Each chain of passes makes one version. The constant `"chains"` has for each chain a
tuple of passes, each a dict of parts with their constants. The parameters are
`"mixture"`, (n, 1 + chains), the weights of the image itself and of each version; and
those of the passes, `"CHAIN.PASS.NAME"`, counted from 0.
"""

import numpy as np

from reticnn.augmenting.parts.part import Parameters, Part


def own_name(chain, number, name):
    """Return what a parameter of a pass of a chain is called."""
    return f"{chain}.{number}.{name}"


def _passes(parameters, constants, chain):
    """Yield the parts and the parameters of each pass of a chain."""
    for number, parts in enumerate(constants["chains"][chain]):
        start = own_name(chain, number, "")
        own = {
            name.removeprefix(start): values
            for name, values in parameters.items()
            if name.startswith(start)
        }
        yield parts, own


def _prepare(image_shape, parameters, constants):
    """Return what the parts of all chains prepare."""
    prepared = {}
    for chain in range(len(constants["chains"])):
        passes = _passes(parameters, constants, chain)
        for number, (parts, own) in enumerate(passes):
            for part, of_part in parts.items():
                found = part.prepare and part.prepare(image_shape, own, of_part)
                for name, values in (found or {}).items():
                    prepared[own_name(chain, number, name)] = values
    return prepared


def _on_host(images, results, parameters, constants):
    weights = parameters["mixture"].T[..., None, None, None]
    mixed = images * weights[0]
    for chain, weight in enumerate(weights[1:]):
        changed = images
        for parts, own in _passes(parameters, constants, chain):
            into = np.empty_like(images)
            for part, of_part in parts.items():
                part.on_host(changed, into, own, of_part)
                changed = into
            if changed.dtype != np.uint8:
                np.clip(changed, 0, 255, out=changed)
        mixed += changed * weight
    results[...] = np.rint(mixed) if results.dtype == np.uint8 else mixed


def _on_device(ops, images, parameters, constants):
    weights = parameters["mixture"][:, :, None, None, None]
    mixed = images * weights[:, 0]
    for chain in range(len(constants["chains"])):
        changed = images
        for parts, own in _passes(parameters, constants, chain):
            for part, of_part in parts.items():
                changed = part.on_device(ops, changed, own, of_part)
            changed = ops.clip(changed, 0, 255)
        mixed = mixed + changed * weights[:, chain + 1]
    return mixed


MIXTURE = Part("mixture", Parameters, _on_host, _on_device, _prepare)
