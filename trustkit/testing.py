"""The contract that every check and every kind of evidence passes, ours and a plugin's."""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from trustkit.checks.base import Check, Estimate, NotApplicable

HEADINGS = ("Why it matters", "How to read", "Remedy", "References")


def assert_check(
    check: Check, samples: Iterable[Sequence[Any]], options: Mapping[str, Any] | None = None
) -> None:
    """Assert that a check keeps the contract.

    Its id is ``area/name``, its function and metrics are named and documented,
    it is a pure function of its evidence, and its limits widen as the level
    falls.

    Parameters
    ----------
    check : Check
        The check.
    samples : iterable of sequences
        Positional arguments to run it on; it must yield estimates for one at least.
    options : mapping, optional
        Keyword arguments, where it yields nothing by its defaults.

    Raises
    ------
    AssertionError
        Naming what the check breaks.
    """
    _assert_declared(check)
    measured = [_assert_pure(check, sample, options or {}) for sample in samples]
    assert any(measured), f"{check.id}: none of the samples yields an estimate"
    for estimates in measured:
        for estimate in estimates:
            _assert_estimate(check, estimate)


def assert_kind(samples: Sequence[Any], nothing: Any) -> None:
    """Assert that a kind of evidence adds like numbers and survives a file.

    Parameters
    ----------
    samples : sequence
        Three pieces of evidence of one kind and schema.
    nothing : object
        Evidence of no rows, under the same schema.

    Raises
    ------
    AssertionError
        Naming the law that is broken.
    """
    a, b, c = samples
    assert _same((a + b) + c, a + (b + c)), "addition is not associative"
    assert _same(a + b, b + a), "addition is not commutative"
    assert _same(a + nothing, a), "evidence of no rows is not neutral"
    again = type(a).from_json(json.loads(json.dumps(a.to_json())))
    assert _same(again, a), "it does not survive a file"
    assert all(isinstance(note, str) for note in a.notes()), "notes are not text"


def _assert_declared(check: Check) -> None:
    assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", check.id), f"{check.id}: not of the form area/name"
    name = getattr(check.function, "__name__", "").replace("_", "-")
    assert check.id.endswith(f"/{name}"), f"{check.id}: its function is named {name}"
    assert check.needs, f"{check.id}: no positional parameter names the evidence it reads"
    assert check.title.endswith("?"), f"{check.id}: the first line of its docstring is not a question"
    for heading in HEADINGS:
        assert check.section(heading), f"{check.id}: its docstring has no section {heading!r}"
    assert check.metrics, f"{check.id}: declares no metric"
    for parameter in inspect.signature(check.function).parameters.values():
        keyword = parameter.kind is parameter.KEYWORD_ONLY
        assert not keyword or parameter.default is not parameter.empty, (
            f"{check.id}: {parameter.name} has no default"
        )


def _assert_pure(check: Check, sample: Sequence[Any], options: Mapping[str, Any]) -> list[Estimate]:
    before = copy.deepcopy([_plain(each) for each in sample])
    try:
        one, two = check(*sample, **options), check(*sample, **options)
    except NotApplicable as signal:
        assert signal.reason, f"{check.id}: not applicable for no reason"
        return []
    assert before == [_plain(each) for each in sample], f"{check.id}: changes its evidence"
    assert [_told(e) for e in one] == [_told(e) for e in two], f"{check.id}: two runs differ"
    names = [(e.metric, json.dumps(e.subject, sort_keys=True)) for e in one]
    assert len(set(names)) == len(names), f"{check.id}: a metric occurs twice for one subject"
    return one


def _assert_estimate(check: Check, estimate: Estimate) -> None:
    what = f"{check.id}: {estimate.metric} of {dict(estimate.subject)}"
    assert estimate.metric in check.metrics, f"{what}: the metric is not declared"
    assert min(estimate.n, estimate.rows) >= 0, f"{what}: n or its rows are negative"
    of_all = check.metrics[estimate.metric].of_all
    assert of_all or estimate.n <= estimate.rows, f"{what}: n is more than its rows"
    assert np.isfinite(estimate.value) or estimate.why, f"{what}: undefined for no reason"
    if estimate.limits is None:
        assert estimate.why, f"{what}: has no limits for no reason"
        return
    ends = [estimate.interval(level) for level in (0.2, 0.05, 0.005, 0.0005)]
    for (low, high), (wider_low, wider_high) in pairwise(ends):
        nested = wider_low <= low + 1e-9 and high <= wider_high + 1e-9
        assert nested or np.isnan(low) or np.isnan(high), (
            f"{what}: its limits do not widen as the level falls"
        )


def _told(estimate: Estimate) -> str:
    return repr((estimate.metric, dict(estimate.subject), estimate.value, estimate.n, estimate.why))


def _plain(evidence: Any) -> Any:
    return evidence.to_json() if hasattr(evidence, "to_json") else evidence


def _same(one: Any, other: Any) -> bool:
    return bool(_plain(one) == _plain(other))
