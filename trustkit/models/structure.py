"""What a fitted model keeps of single rows, read off it without asking it anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

STORED = ("_fit_X", "_raw_data", "support_vectors_", "X_fit_", "X_train_", "training_data_")
"""Attributes in which estimators keep rows that they learned from: neighbors, support vectors, kernels."""

_LEVERS = (
    "min_samples_leaf", "min_child_samples", "min_data_in_leaf", "min_child_weight", "max_depth",
    "max_leaf_nodes", "num_leaves", "l2_regularization", "reg_lambda", "n_neighbors", "C", "alpha",
)  # fmt: skip
"""Settings that keep a model from learning single rows by heart."""

_DEEPEST = 6


def structure(model: Any) -> dict[str, Any]:
    """Return what a model keeps of single rows.

    Parameters
    ----------
    model : object
        A fitted estimator of scikit-learn, LightGBM or XGBoost, alone or
        inside pipelines and ensembles; of others nothing is known.

    Returns
    -------
    dict
        ``stored`` rows that are kept as they are; ``leaves``, of them
        ``pure`` (in which a class does not occur; None for trees that do not
        classify) and the rows of the ``smallest``; ``settings``, those that
        restrain memorizing, with their values as text. A key is absent where
        nothing is known.
    """
    parts = list(_parts(model, _DEEPEST))
    told: dict[str, Any] = {}
    stored = [rows for part in parts if (rows := _stored(part))]
    if stored:
        told["stored"] = max(stored)
    trees = [leaves for part in parts if (leaves := _leaves(part)) is not None]
    if trees:
        sizes = np.concatenate([sizes for sizes, _ in trees])
        pure = [mixed for _, mixed in trees if mixed is not None]
        told |= {"leaves": len(sizes), "smallest": int(sizes.min())}
        told["pure"] = int(sum(mixed.sum() for mixed in pure)) if len(pure) == len(trees) else None
    settings = _settings(parts)
    return told | ({"settings": settings} if settings else {})


def _parts(model: Any, deep: int) -> Iterator[Any]:
    """An estimator and those that it is made of, outermost first."""
    yield model
    if deep == 0:
        return
    steps = getattr(model, "steps", None)
    inner = [steps[-1][1]] if isinstance(steps, list) and steps else []
    inner += [getattr(model, name, None) for name in ("best_estimator_", "estimator_", "estimator")]
    for name in ("estimators_", "calibrated_classifiers_"):
        found = getattr(model, name, None)
        if isinstance(found, list | np.ndarray):
            inner += np.asarray(found, dtype=object).ravel().tolist()
    for part in inner:
        if part is not None and not isinstance(part, str | type):
            yield from _parts(part, deep - 1)


def _stored(part: Any) -> int:
    """Rows that an estimator keeps as they are."""
    shapes = [getattr(getattr(part, name, None), "shape", None) for name in STORED]
    return max((int(shape[0]) for shape in shapes if shape), default=0)


def _leaves(part: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None] | None:
    """Rows of each leaf of the trees of one estimator, and whether a class is absent from it."""
    tree = getattr(part, "tree_", None)
    if tree is not None and hasattr(tree, "n_node_samples"):
        is_leaf = tree.children_left == -1
        classes = getattr(part, "classes_", None)
        absent = None if classes is None else (tree.value[is_leaf] <= 0).any(axis=(1, 2))
        return tree.n_node_samples[is_leaf], absent
    boosted = getattr(part, "_predictors", None)
    if isinstance(boosted, list) and boosted:
        nodes = np.concatenate([each.nodes for stage in boosted for each in stage])
        return nodes["count"][nodes["is_leaf"].astype(bool)], None
    booster = getattr(part, "booster_", None) or getattr(part, "_booster", None)
    if booster is not None and hasattr(booster, "trees_to_dataframe") and hasattr(booster, "model_to_string"):
        nodes = booster.trees_to_dataframe()
        return nodes["count"][nodes["split_feature"].isna()].to_numpy(), None
    return None


def _settings(parts: list[Any]) -> dict[str, str]:
    """Settings of the innermost estimators that there are, outer ones first, as text."""
    found: dict[str, str] = {}
    for part in parts:
        if not callable(getattr(part, "get_params", None)):
            continue
        values = part.get_params(deep=False)
        for name in _LEVERS:
            if name in values and isinstance(values[name], int | float | None):
                found.setdefault(name, f"{values[name]:g}" if values[name] is not None else "none")
    return {name: found[name] for name in _LEVERS if name in found}
