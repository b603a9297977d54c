"""Files from strangers: each is refused with an error that names it, and does nothing.

`hostile` has them. `make torture` tries those that are large, too, and measures.
"""

import os

import hostile
import pytest

from reticnn import load_classifier
from reticnn.notation import is_visible
from reticnn.pretrained.loading import put_weights

KINDS = hostile.kinds()


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return hostile.Honest(tmp_path_factory.mktemp("honest"))


@pytest.fixture(scope="module")
def network(honest):
    return honest.network()


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if not kind.large])
def test_hostile_file_is_refused(honest, network, tmp_path, name):
    kind = KINDS[name]
    folder = tmp_path / "folder"
    folder.mkdir()
    path = tmp_path / f"file{kind.ending}"
    path.write_bytes(kind.make(honest, folder))
    before = sorted(os.listdir(folder))
    classifier = kind.ending == ".reticnn"
    with pytest.raises(ValueError) as caught:
        load_classifier(path) if classifier else put_weights(network, path)
    message = str(caught.value)
    assert ("`path`" if classifier else "`weights`") in message
    assert str(path) in message
    assert kind.said in message
    assert is_visible(message) and len(message) < 2000
    assert sorted(os.listdir(folder)) == before
