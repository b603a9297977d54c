"""Relations that hold whatever is switched on, on combinations drawn by a seed."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from relations import Case, check, draw_cases, faults_of, simplest
from relations.choices import CHOICES, OF_OWN_RATE, pairs_of, possible_pairs
from relations.laws import Run

# Each part of the drawn cases is a test of its own, which two processes can share.
PARTS = 12

FOLDER = Path(__file__).parent

# `distributed` needs devices that are made before the backend starts.
IN_THIS_PROCESS = {
    **CHOICES,
    "further": tuple(name for name in CHOICES["further"] if name != "distributed"),
}

QUICK = [
    Case(frozen="backbone", validation="data", further="described"),
    Case(body="nested", head="sigmoid", class_weight="balanced", ema=0.5),
    Case(optimizer="default", ema=0.5, further="trained_further"),
    Case(body="sequential", compiled="object", optimizer="object", data="folder"),
    Case(stages="two", early_stopping=1, validation="share", schedule="cosine"),
    Case(data="copies", validation="share", further="files"),
    Case(data="grouped", validation="share", further="again"),
    Case(data="tiles", pixels="float32", validation="share", channels=5),
]


def test_every_possible_pair_of_levels_is_drawn():
    assert set().union(*map(_pairs, draw_cases(1))) >= set(possible_pairs())


def test_another_seed_draws_other_cases():
    assert draw_cases(1)[:20] == draw_cases(1)[:20] != draw_cases(2)[:20]


def test_a_case_is_shown_as_code():
    for case in draw_cases(1)[:20]:
        assert eval(repr(case), {"Case": Case}) == case


def test_what_does_not_go_together_is_no_case():
    with pytest.raises(ValueError, match="fine tune has the default optimizer"):
        faults_of(Case(stages="fine_tune"))


def _pairs(case):
    return pairs_of({name: getattr(case, name) for name in CHOICES})


@pytest.mark.parametrize("case", QUICK, ids=repr)
def test_relations_hold(case):
    check(case)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_relations_hold_in_drawn_combinations(part):
    cases = draw_cases(1, IN_THIS_PROCESS)[part::PARTS]
    assert cases
    faults = [fault for case in cases for fault in faults_of(case)]
    assert not faults, "\n\n".join(str(simplest(fault, 60)) for fault in faults[:3])


@pytest.mark.slow
@settings(max_examples=20)
@given(
    case=st.builds(
        Case,
        batch_size=st.integers(1, 14),
        images=st.integers(1, 15),
        epochs=st.integers(1, 3),
        learning_rate=st.floats(1e-4, 0.2),
        label_smoothing=st.floats(0, 0.9),
        layer_decay=st.none() | st.floats(0.1, 1),
        early_stopping=st.none() | st.integers(1, 3),
        warmup_epochs=st.integers(0, 4),
        schedule=st.sampled_from(CHOICES["schedule"]),
        ema=st.none() | st.floats(0.01, 0.99),
        seed=st.integers(0, 2**31 - 1),
    )
)
def test_relations_hold_for_any_values(case):
    if case.schedule in OF_OWN_RATE:
        case = replace(case, learning_rate=None)
    check(case)


@pytest.mark.slow
def test_search_finds_the_smallest_failing_combination(monkeypatch):
    """A fault that is put in, in one combination of two settings, is found as that."""
    from reticnn.training import run

    right = run.weights_of_images

    def wrong(data, class_weight=None):
        weights = right(data, class_weight)
        return weights if class_weight != "balanced" else weights**2

    monkeypatch.setattr(run, "weights_of_images", wrong)
    large = Case(
        body="nested",
        head="sigmoid",
        data="folder",
        class_weight="balanced",
        batch_size=3,
        augmentation="flip",
        further="again",
    )
    (fault,) = [f for f in faults_of(large) if f.relation == "trained_as_keras_trains"]
    assert simplest(fault).case == replace(Case(), class_weight="balanced")


@pytest.mark.slow
def test_saved_classifiers_predict_the_same_in_a_fresh_process(run_python, tmp_path):
    import reticnn

    cases = [
        Case(body="nested_twice", extra="batch_norm", labels="unicode"),
        Case(body="own_call", head="logits", own="nothing"),
        Case(body="sequential", head="logit", own="train_step", channels=1),
        Case(body="shared", head="distances", extra="noise_in_front"),
    ]
    wanted = {}
    for number, case in enumerate(cases):
        run = Run(case)
        reticnn.save_classifier(run.classifier, tmp_path / f"{number}.reticnn")
        np.save(tmp_path / f"{number}.npy", run.test.pixels)
        wanted[number] = reticnn.predict_images(run.classifier, run.test.data)
        run.close()
    code = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import relations.models
import reticnn
for number in range(int(sys.argv[3])):
    classifier = reticnn.load_classifier(f"{sys.argv[2]}/{number}.reticnn")
    images = np.load(f"{sys.argv[2]}/{number}.npy")
    print("\\n" + json.dumps(reticnn.predict_images(classifier, images)))
"""
    done = run_python(code, FOLDER, tmp_path, len(cases))
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
    for have, want in zip(found, wanted.values(), strict=True):
        assert have.pop(".pred_class") == want.pop(".pred_class")
        for name, column in want.items():
            assert have[name] == pytest.approx(column, abs=1e-5)


@pytest.mark.slow
def test_relations_hold_on_two_devices(run_python):
    import keras

    if keras.backend.backend() == "torch":
        pytest.skip("under torch Keras trains on one device")
    choices = {**CHOICES, "further": ("distributed",)}
    cases = [case for case in draw_cases(1, choices) if case.own == "nothing"][:4]
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
from relations.__main__ import make_devices
make_devices()
from relations import Case, faults_of
for levels in json.loads(sys.argv[2]):
    for fault in faults_of(Case(**levels)):
        print("\\nFAULT", fault)
print("DONE")
"""
    done = run_python(code, FOLDER, json.dumps([asdict(case) for case in cases]))
    assert "DONE" in done.stdout, done.stderr
    assert "FAULT" not in done.stdout, done.stdout
