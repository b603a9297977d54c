"""Compare what was cross-validated on the same folds."""

from itertools import combinations

import numpy as np

from reticnn.evaluation.competitors import check_same_classes, order_of
from reticnn.evaluation.decisions import as_costs, as_threshold, decided
from reticnn.evaluation.measuring import as_top_k
from reticnn.evaluation.metrics import classification_metrics
from reticnn.evaluation.paired import corrected_t, holm

_LIMITS = ("estimate", "lower", "upper")


def compare_on_folds(results, level, *, top_k=None, threshold=None, costs=None):
    """Return what `compare_classifiers` returns for cross-validations.

    Args:
        results: Dict of `CrossValidation` by name.
        level: Level of confidence.
        top_k: As in `compare_classifiers`.
        threshold: Likewise.
        costs: Likewise.

    Raises:
        ValueError: If they are of other classes or other folds.
    """
    check_same_classes({name: one.class_names for name, one in results.items()})
    names = next(iter(results.values())).class_names
    costs = as_costs(costs, names)
    asked = {"top_k": as_top_k(top_k, names), "costs": costs}
    threshold = as_threshold(threshold, names, costs)
    rows = _common_rows(results)
    fold_of_row = _fold_numbers(rows)
    code = {name: number for number, name in enumerate(names)}
    codes = np.array([code[row[3]] for row in rows])
    measures = {}
    for name, one in results.items():
        chances = _probabilities(one, names)
        measures[name] = _of_folds(
            codes, chances, names, fold_of_row, threshold=threshold, **asked
        )
    folds = next(iter(results.values())).folds
    ratio = float(np.mean(np.divide(folds["n_test"], folds["n_train"])))
    return {
        "n": len({row[2] for row in rows}),
        "folds": int(fold_of_row.max()) + 1,
        "measures": _table_of_measures(measures, ratio, level),
        "differences": _table_of_differences(measures, ratio, level),
        "level": level,
    }


def _common_rows(results):
    """Return the (repeat, fold, image, truth) of each prediction, in order.

    Raises:
        ValueError: If they are not the same for all, or there are fewer than two folds.
    """
    first, *others = results.items()
    rows = _rows(first[1])
    for name, other in others:
        if other.fold_images != first[1].fold_images or _rows(other) != rows:
            raise ValueError(
                f"`classifiers` were cross-validated on different folds: those of "
                f"{name!r} are not those of {first[0]!r}. Give `cross_validate()` the "
                "same data and the same `folds`, or the same `seed`."
            )
    if len(first[1].fold_images) < 2:
        raise ValueError(
            "`classifiers` have a single fold each, which says nothing about how folds "
            "differ. Finish the cross-validations."
        )
    return rows


def _rows(result):
    table = result.predictions
    columns = (table[name] for name in ("repeat", "fold", "image", "truth"))
    return list(zip(*columns, strict=True))


def _fold_numbers(rows):
    """Return the number of the fold of each row, over all repeats, from 0."""
    folds = [row[:2] for row in rows]
    number = {fold: at for at, fold in enumerate(dict.fromkeys(folds))}
    return np.array([number[fold] for fold in folds])


def _probabilities(result, class_names):
    """Return the probabilities in a table of predictions, the classes in an order."""
    own = [result.class_names[at] for at in order_of(class_names, result.class_names)]
    columns = [result.predictions[f".pred_{name}"] for name in own]
    return np.array(columns, "float64").T


def _of_folds(codes, chances, class_names, fold_of_row, *, threshold, top_k, costs):
    """Return each measure on each fold: a dict of arrays."""
    found = []
    for fold in range(fold_of_row.max() + 1):
        own = fold_of_row == fold
        decisions, _ = decided(codes[own], chances[own], threshold, costs)
        scores = classification_metrics(
            codes[own],
            chances[own],
            class_names,
            predicted=decisions,
            top_k=top_k,
            costs=costs,
        )
        found.append({name: of for name, of in scores.items() if isinstance(of, float)})
    return {name: np.array([scores[name] for scores in found]) for name in found[0]}


def _table_of_measures(measures, ratio, level):
    """Return the table of the means over the folds."""
    table = {name: [] for name in ("classifier", "measure", *_LIMITS)}
    for classifier, own in measures.items():
        for measure, values in own.items():
            found = corrected_t(values, ratio, level)
            row = (classifier, measure, *(found[name] for name in _LIMITS))
            for name, value in zip(table, row, strict=True):
                table[name].append(value)
    return table


def _table_of_differences(measures, ratio, level):
    """Return the table of the differences of each pair, and their tests."""
    table = {name: [] for name in ("first", "second", "measure", *_LIMITS, "p_value")}
    for first, second in combinations(measures, 2):
        for measure, values in measures[first].items():
            found = corrected_t(values - measures[second][measure], ratio, level)
            row = (
                first,
                second,
                measure,
                *(found[name] for name in table if name in found),
            )
            for name, value in zip(table, row, strict=True):
                table[name].append(value)
    return {**table, "adjusted": _adjusted(table)}


def _adjusted(table):
    """Return the p-values, adjusted for the number of pairs, measure by measure."""
    values, adjusted = np.array(table["p_value"]), np.empty(len(table["p_value"]))
    measures = np.array(table["measure"])
    for measure in dict.fromkeys(table["measure"]):
        adjusted[measures == measure] = holm(values[measures == measure])
    return adjusted.tolist()
