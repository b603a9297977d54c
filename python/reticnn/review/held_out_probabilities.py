"""Probabilities of classes by logistic regression, each from other images' labels."""

import numpy as np

from reticnn.runtime.randomness import generator

_FOLDS = 5

# Features that vary most, of which there are as many as are worth their time.
_MOST_FEATURES = 128

# Ridge penalties per image; the one that predicts best is taken.
_PENALTIES = (0.001, 0.01, 0.1)
_STEPS = 200


def held_out_probabilities(features, codes, count, groups, report):
    """Return the probability of each class for each image, (n, classes).

    Each fifth of the images is predicted from the labels of the others. Images of one
    group are in one fifth, so that no copy tells the label.

    Args:
        features: Array, (n, features).
        codes: int array, the class of each image counted from 0.
        count: Number of classes.
        groups: int array, the same for copies of one image.
        report: Function to call with the number of fifths that are done.
    """
    features = _principal(features)
    fold = _folds(codes, groups)
    predicted = np.zeros((len(_PENALTIES), len(codes), count))
    for number in range(_FOLDS):
        inside = fold == number
        if inside.any() and not inside.all():
            for way, penalty in enumerate(_PENALTIES):
                weights = _fitted(features[~inside], codes[~inside], count, penalty)
                predicted[way, inside] = _softmax(features[inside] @ weights)
        report(number + 1)
    right = predicted[:, np.arange(len(codes)), codes]
    losses = -np.log(np.maximum(right, 1e-12)).mean(axis=1)
    return predicted[np.argmin(losses)]


def steps_of_regression():
    """Return how often `held_out_probabilities` reports."""
    return _FOLDS


def _principal(features):
    """Return the principal components of standardised features, and a constant."""
    features = features.reshape(len(features), -1).astype(np.float64)
    features = features - features.mean(axis=0)
    features /= np.maximum(features.std(axis=0), 1e-6)
    # Of very many features, sums of random signs keep the distances.
    most = 8 * _MOST_FEATURES
    if features.shape[1] > most:
        signs = generator(2).choice([-1.0, 1.0], (features.shape[1], most))
        features = features @ signs / np.sqrt(features.shape[1])
    _, directions = np.linalg.eigh(features.T @ features)
    features = features @ directions[:, ::-1][:, :_MOST_FEATURES]
    features /= max(float(features[:, :1].std()), 1e-6)
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)


def _folds(codes, groups):
    """Return the fold of each image: groups stay together, classes are spread."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    order = generator(3).permutation(len(first))
    order = order[np.argsort(codes[first][order], kind="stable")]
    fold_of_group = np.empty(len(first), int)
    fold_of_group[order] = np.arange(len(first)) % _FOLDS
    return fold_of_group[group]


def _fitted(features, codes, count, penalty):
    """Return the weights of a logistic regression, by accelerated gradient descent."""
    wanted = np.eye(count)[codes]
    steepest = np.linalg.eigvalsh(features.T @ features / len(features))[-1]
    rate = 1 / (0.5 * steepest + penalty)
    weights = ahead = np.zeros((features.shape[1], count))
    momentum = 1.0
    for _ in range(_STEPS):
        errors = _softmax(features @ ahead) - wanted
        slope = features.T @ errors / len(features)
        slope[:-1] += penalty * ahead[:-1]
        before, weights = weights, ahead - rate * slope
        if np.abs(slope).max() < 1e-5:
            break
        # Momentum that leads uphill is given up.
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        uphill = (slope * (weights - before)).sum() > 0
        share = 0 if uphill else (momentum - 1) / faster
        ahead = weights + share * (weights - before)
        momentum = 1.0 if uphill else faster
    return weights


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
