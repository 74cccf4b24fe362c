"""Weak slices: found on one half, judged on the other, those that touch told as one."""

import numpy as np
import pandas as pd
import pytest
from test_subgroups import collected, labeled, log, slices_of

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.bias.subgroups import subgroups
from trustkit.checks.safety.weak_slices import weak_slices
from trustkit.collectors.slicing import WIDEST, Column, search
from trustkit.evidence.slices import LARGE_ERROR, reach, worth


def test_the_excess_is_that_of_the_half_that_was_not_searched():
    table = log(8000)
    found = list(weak_slices(collected(table, features=["age", "region"]).kinds["slices"]))
    first = found[0]
    assert first.metric == "excess_error"
    assert first.subject == {"groups": {"age": ">=60", "region": "north"}, "reference": "rest"}
    assert first.value == pytest.approx(0.3, abs=0.08)
    assert first.n + first.reference_n == 4000
    assert "On the half searched wrong decisions were" in first.note


def test_it_is_the_search_of_subgroups_without_selection():
    slices = slices_of(3000)
    theirs = [e for e in subgroups(slices) if e.metric.startswith("excess")]
    mine = list(weak_slices(slices))
    assert [(e.metric, e.subject, e.value, e.n) for e in mine] == [
        (e.metric, e.subject, e.value, e.n) for e in theirs
    ]


def test_errors_of_a_quantity_are_shown_and_judged_only_by_a_limit_of_ones_own():
    slices = slices_of(900, favorable=None, task="regression")
    assert {e.metric for e in weak_slices(slices)} == {f"excess_{LARGE_ERROR}"}
    table = log(3000)
    rng = np.random.default_rng(0)
    table["truth"] = rng.normal(size=3000)
    table["decision"] = table["truth"] + rng.normal(size=3000) * np.where(table["age"] > 80, 5, 1)
    keys = {"target": "truth", "prediction": "decision", "task": "regression", "policy": "unga-78-265"}
    card = tk.audit(data=table, only=["safety/weak-slices"], **keys)
    assert {str(f.verdict) for f in card.findings} == {"not_applicable"}
    own = tk.audit(
        data=table,
        only=["safety/weak-slices"],
        limits={"safety/weak-slices": {"max_excess_large_error": 0.1}},
        **keys,
    )
    assert "fail" in {str(f.verdict) for f in own.findings}


def test_without_a_truth_it_is_not_assessed_and_says_what_to_supply():
    table = log(600).drop(columns="truth")
    slices = collected(table, target=None).kinds["slices"]
    with pytest.raises(NotApplicable) as caught:
        weak_slices(slices)
    assert caught.value.supply.startswith("data.target")
    with pytest.raises(NotApplicable) as caught:
        weak_slices(slices_of(40))
    assert "60" in caught.value.supply


def numbers(**columns):
    return [
        Column.of_numbers(name, np.asarray(values, dtype=float), np.arange(len(values)))
        for name, values in columns.items()
    ]


def test_ranges_that_touch_are_told_as_one():
    """A weak range of five cells is wider than any that is sought between two cuts."""
    rng = np.random.default_rng(1)
    rows = 20_000
    x, z = rng.random(rows), rng.random(rows)
    event = rng.random(rows) < np.where((x >= 0.05) & (x < 0.3), 0.5, 0.1)
    columns = numbers(x=x, z=z)
    found = search(columns, event)
    assert found[0].named(columns) == (("x", "0.05..<0.3"),)
    assert found[0].conditions[0] >= columns[0].sought
    widths = columns[0].covers[: columns[0].sought].sum(axis=1)
    inner = [not label.startswith(("<", ">")) for label in columns[0].labels[: columns[0].sought]]
    assert widths[inner].max() == WIDEST
    n = found[0].inside(columns).sum()
    k = event[found[0].inside(columns)].sum()
    assert found[0].worth == pytest.approx(float(worth(n, k, rows, event.sum(), reach(2, 1))))


def test_ranges_within_another_condition_are_widened_too():
    rng = np.random.default_rng(2)
    rows = 30_000
    x, label = rng.random(rows), rng.choice(["a", "b", "c"], rows)
    event = rng.random(rows) < np.where((x >= 0.2) & (x < 0.8) & (label == "a"), 0.6, 0.1)
    columns = [*numbers(x=x), *labeled(label=label)]
    assert search(columns, event)[0].named(columns) == (("label", "a"), ("x", "0.2..<0.8"))


def test_what_does_not_touch_or_is_better_told_apart_stays_apart():
    rng = np.random.default_rng(3)
    rows = 20_000
    x = rng.random(rows)
    apart = rng.random(rows) < np.where((x < 0.1) | ((x >= 0.5) & (x < 0.6)), 0.5, 0.1)
    columns = numbers(x=x)
    names = {each.named(columns) for each in search(columns, apart)[:2]}
    assert names == {(("x", "<0.1"),), (("x", "0.5..<0.6"),)}
    label = labeled(label=rng.choice(["a", "b", "c", "d"], rows))
    weak = rng.random(rows) < np.where(np.isin(label[0].codes, [0, 1]), 0.4, 0.1)
    assert all(each.conditions[0] < 4 for each in search(label, weak))


def test_wider_conditions_are_ranges_around_one_and_nothing_else():
    (column,) = numbers(x=np.random.default_rng(4).random(5000))
    at = {label: i for i, label in enumerate(column.labels)}
    wider = {column.labels[i] for i in column.wider(at["0.2..<0.5"])}
    assert {"0.1..<0.5", "0.2..<0.8", "0.03..<0.97"} <= wider
    assert not {"<0.5", "0.3..<0.8", "0.2..<0.5", "(missing)"} & wider
    assert column.wider(at["(missing)"]) == []
    (label,) = labeled(label=np.array(["a", "b"] * 500))
    assert label.wider(0) == []


def test_a_card_names_the_slice_and_fails():
    table = log(12_000).assign(group=lambda t: pd.Series(np.where(t["sex"] == "F", "x", "y")))
    card = tk.audit(
        data=table,
        target="truth",
        prediction="decision",
        favorable=1,
        policy="unga-78-265",
        only=["safety/weak-slices"],
    )
    worst = card.findings[0]
    assert str(worst.verdict) == "fail"
    assert worst.limit["max"] == 0.05
    assert worst.message.startswith("excess error rate of age=>=60,region=north against the rest is")
