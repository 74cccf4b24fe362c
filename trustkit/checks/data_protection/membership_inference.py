"""Does the model tell who was in its training data?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.memberships import BLIND, CONTROL, FEWEST, LIKELIHOOD, LOSS, RATIO, Memberships
from trustkit.measure.attacks import AtLeast, FoundAt
from trustkit.measure.intervals import AreaUnderCurve, Limits
from trustkit.measure.metrics import Area, area

ALIKE, LEVEL = 0.55, 0.05
"""Train and audit differ where they are told apart without the model: an AUC above, over 0.5 at the level."""

SHOWN_GROUPS = 4
"""Groups of an attribute that are shown, the largest."""

MODES = {LOSS: "loss", RATIO: "ratio to references", LIKELIHOOD: "likelihood ratio"}

RATES = {"tpr_at_1_percent": 0.01, "tpr_at_01_percent": 0.001}

_AUC = (
    "the chance that a row of train ranks above one of audit, ties one half, among rows that occur once in "
    "both together; 0.5 is no better than a coin; undefined where train and audit differ without the model"
)


@check(
    version="1",
    metrics={
        "auc": Metric("AUC with which an attack tells members", "share", _AUC),
        "blind_auc": Metric(
            "AUC with which train is told from audit without the model",
            "share",
            "by boosted trees that learn inputs and truth of one half of the rows and rank the other half",
        ),
        "control_auc": Metric(
            "AUC with which the attack tells members of a model that saw none of the rows",
            "share",
            "the ratio attack on a reference model, among the rows that it did not learn from",
        ),
        "group_auc": Metric("AUC with which an attack tells members of a group", "share", _AUC),
        "tpr_at_1_percent": Metric(
            "share of members found with 1 % false alarms",
            "share",
            "members above the score that 1 % of the others exceed; undefined under 300 others",
        ),
        "tpr_at_01_percent": Metric(
            "share of members found with 0.1 % false alarms",
            "share",
            "members above the score that 0.1 % of the others exceed; undefined under 3,000 others",
        ),
        "stored_rows": Metric("training rows kept inside the model", "count", "neighbors or support vectors"),
        "smallest_leaf": Metric("rows of the smallest leaf", "count", "over all trees of the model"),
        "pure_leaves": Metric(
            "share of leaves without a row of some class",
            "share",
            "over all trees of the model; of such a leaf it is certain who is not of that class",
        ),
    },
)
def membership_inference(
    memberships: Memberships, *, references: int = 8, judged: Collection[str] = ()
) -> Iterator[Estimate]:
    """Does the model tell who was in its training data?

    Rows of train and of audit, as many of each, are ranked by how likely each
    was trained on. ``auc`` is the chance that a row of train (a member) ranks
    above one of audit. Three attacks rank them, each a claim of its own.

    Formula
    -------
    Drawn are at most 2,500 rows of each that occur once in both together, so
    that, train and audit being alike, none is likelier a member than another.
    ``loss`` ranks by the chance that the model gives to the true class (for a
    quantity: by the residual, the smallest first). The others compare with
    ``references`` (8) clones of the model, each fitted on half of the
    drawn rows, and each row in half of them: ``ratio to references`` is the
    model's chance over the clones' mean (for a quantity the clones' mean
    residual over the model's), ``likelihood ratio`` that of the chance's logit
    under clones that saw the row and under those that did not, both normal.
    AUC by DeLong's error, with the limits of any AUC; ``tpr_at_*`` by
    Clopper-Pearson beyond an order statistic of the others whose share of
    false alarms is under the rate, each at half the level.

    Why it matters
    --------------
    To know that somebody is in the data of a clinic, or among those who
    defaulted, is to know something about them. A model that has learned its
    rows by heart tells so to whoever may ask it; a small gap in accuracy does
    not rule it out.

    When it misleads
    ----------------
    The claim is about this model with these reference models, and about
    these attacks: a better one may find more. Where train and audit differ by
    themselves (another year, another place) any figure could stand for that
    difference: if the two are told apart without the model, no figure is
    given and nothing passes. A difference too small to be seen so remains. A
    model that no clone can be fitted of is attacked by its loss alone, which
    misses most of what a forest leaks: it can fail, and cannot pass.

    How to read
    -----------
    0.5 is a coin. On data about people a logistic regression gives .50 to .55,
    a default forest .75 to .85. An average hides few: look at
    ``tpr_at_1_percent``, which is 1 % for a coin; 0 in it may come of ties
    and is no proof of safety. ``control_auc`` has to cover 0.5.

    Remedy
    ------
    Restrain the model by the settings that the finding names: larger leaves,
    shallower trees, stronger regularization; for forests
    ``min_samples_leaf = 10`` takes most of it. Or give out decisions, or
    rounded scores, in place of exact ones; or train with differential privacy.

    References
    ----------
    Yeom et al. 2018 (loss); Carlini et al. 2022 (likelihood ratio, few false
    alarms); Zarifzadeh, Liu and Shokri 2024 (ratio to references); Preen
    and Smith 2025 (facts of the model); DeLong et al. 1988; Newcombe 2006 (limits).
    """
    schema = memberships.schema
    if references and schema["references"] not in (0, references):
        raise NotApplicable(
            f"this evidence was collected with {schema['references']} reference models, not {references}",
            supply=f"evidence collected with {references} reference models",
        )
    if schema["lacking"] is None:
        yield from _attacked(memberships, judged)
    else:
        why, supply = schema["lacking"]
        if not {"stored", "leaves"} & schema["structure"].keys():
            raise NotApplicable(why, supply=supply)
        yield Estimate("auc", {}, float("nan"), 0, 0, why=why, supply=supply)
    yield from _facts(schema["structure"])


def _attacked(memberships: Memberships, judged: Collection[str]) -> Iterator[Estimate]:
    """What the attacks found, or why that means nothing."""
    schema = memberships.schema
    modes = [LOSS] if schema["references"] == 0 else list(MODES)
    others, n = (int(count) for count in memberships.ranks(LOSS).n[0].sum(axis=1))
    why = None
    if min(n, others) < FEWEST:
        why = f"fewer than {FEWEST} rows of train, or of audit, occur once in both together"
    else:
        blind = area(memberships.ranks(BLIND)).take([0])
        limits = _of_one_half(blind.limits)
        low = float(limits.lower(LEVEL)[0])
        if float(blind.value[0]) > ALIKE and low > 0.5:
            why = (
                "not interpretable: train and audit differ without the model "
                f"(told apart with an AUC of {float(blind.value[0]):.2f})"
            )
        yield Estimate("blind_auc", {}, float(blind.value[0]), n, n, others, limits)
    if why is not None:
        for mode in modes:
            yield Estimate("auc", {"mode": MODES[mode]}, float("nan"), n, n, others, why=why)
        return
    for mode in modes:
        found = area(memberships.ranks(mode)).take([0])
        subject, value = {"mode": MODES[mode]}, float(found.value[0])
        note = _note(schema) if mode == memberships.best else None
        yield Estimate("auc", subject, value, n, n, others, _limits(schema, found), note=note)
    if schema["references"]:
        yield from _control(memberships)
    for metric in RATES:
        for mode in modes if metric in judged else [memberships.best]:
            yield _few_alarms(memberships, metric, mode)
    yield from _of_groups(memberships, judged)


def _limits(schema: Mapping[str, Any], found: Area) -> Limits:
    """Limits of areas; by the loss alone a model is never known to leak little."""
    return found.limits if schema["limited"] is None else AtLeast(found.limits)


def _note(schema: Mapping[str, Any]) -> str:
    """What the claim is about, and what the model offers against a leak."""
    if schema["limited"] is None:
        said = f"About this model with {schema['references']} reference models, all held fixed"
    else:
        said = (
            f"Limited to the loss, since there are no reference models ({schema['limited']}): "
            "it misses most leaks, so it can fail and cannot pass"
        )
    if not schema["score"]:
        said += "; the model gives no score, so its decisions alone were used"
    settings = schema["structure"].get("settings", {})
    named = [f"{name} ({value})" for name, value in settings.items()]
    return said + (f". Settings that restrain memorizing, as they are: {', '.join(named)}" if named else "")


def _control(memberships: Memberships) -> Iterator[Estimate]:
    """The attack on a model that saw none of the rows."""
    scores = memberships.ranks(CONTROL)
    others, n = (int(count) for count in scores.n[0].sum(axis=1))
    if min(n, others) < FEWEST:
        return
    found = area(scores).take([0])
    yield Estimate("control_auc", {}, float(found.value[0]), n, n, others, found.limits)


def _few_alarms(memberships: Memberships, metric: str, mode: int) -> Estimate:
    """Share of members found at a rate of false alarms."""
    counts = memberships.ranks(mode).n[:1]
    found = FoundAt(counts[:, 0], counts[:, 1], np.array([RATES[metric]]))
    others, n = (int(count) for count in counts[0].sum(axis=1))
    subject = {"mode": MODES[mode]}
    if not found.measurable(LEVEL)[0]:
        why = f"not measurable with {others:,} rows that are no members"
        return Estimate(metric, subject, float("nan"), n, n, others, why=why)
    return Estimate(metric, subject, float(found.value[0]), n, n, others, found)


def _of_groups(memberships: Memberships, judged: Collection[str]) -> Iterator[Estimate]:
    """AUC of the largest groups of each attribute."""
    mode = memberships.best
    scores = memberships.ranks(mode)
    areas = area(scores)
    limits = _limits(memberships.schema, areas)
    for attribute in memberships.schema["attributes"]:
        places = [i for i, (name, _) in enumerate(memberships.groups, 1) if name == attribute]
        places = [i for i in places if areas.n[i] >= FEWEST]
        if "group_auc" not in judged:
            places = sorted(sorted(places, key=lambda i: -int(scores.n[i].sum()))[:SHOWN_GROUPS])
        for i in places:
            subject = {"groups": scores.groups[i], "reference": None, "mode": MODES[mode]}
            others, n = (int(count) for count in scores.n[i].sum(axis=1))
            yield Estimate("group_auc", subject, float(areas.value[i]), n, n, others, limits, i)


def _facts(structure: Mapping[str, Any]) -> Iterator[Estimate]:
    """What the model keeps of single rows."""
    if "stored" in structure:
        yield fact("stored_rows", structure["stored"], structure["stored"])
    if "leaves" in structure:
        leaves = structure["leaves"]
        yield fact("smallest_leaf", structure["smallest"], leaves)
        if structure["pure"] is not None:
            yield fact("pure_leaves", structure["pure"] / leaves, leaves)


def _of_one_half(limits: AreaUnderCurve) -> AreaUnderCurve:
    """Limits as if one half alone had been told: the models of both may err together."""
    return AreaUnderCurve(limits.value, limits.error * np.sqrt(2), limits.positives / 2, limits.negatives / 2)
