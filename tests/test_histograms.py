"""Histograms of inputs: data-free bins, shards that add, and no names of people."""

import numpy as np
import pandas as pd
import pytest

from trustkit.collectors import collect
from trustkit.collectors.histograms import cut_to_digits
from trustkit.evidence.histograms import Histogram, Histograms
from trustkit.system import System


def histograms(frame, **keys):
    system = System(data=frame, prediction="y", favorable=1, sensitive=["sex"], **keys)
    return collect(system, only=["histograms"]).kinds["histograms"]


def rows(n=600, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(17, 91, n),
            "amount": rng.lognormal(8, 2, n),
            "balance": np.where(rng.random(n) < 0.1, np.nan, rng.normal(0, 1000, n)),
            "job": rng.choice(["clerk", "driver", None], n),
            "name": [f"person {i}" for i in range(n)],
            "y": rng.integers(0, 2, n),
        }
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (17, "17"),
        (30, "30"),
        (2026, "2.02e+03"),
        (12399, "1.23e+04"),
        (-0.4567, "-0.457"),
        (0.07, "0.07"),
    ],
)
def test_numbers_are_cut_to_three_digits_toward_minus_infinity(value, text):
    assert cut_to_digits(np.array([float(value)])) == {text: 1}


def test_every_number_of_three_digits_stands_for_itself():
    values = np.array([digits * 10.0**power for digits in range(100, 1000) for power in range(-6, 7)])
    counts = cut_to_digits(values)
    assert set(counts) == {f"{value:.3g}" for value in values}
    assert set(counts.values()) == {1}


def test_counts_add_up_and_names_of_people_are_not_kept():
    columns = histograms(rows()).columns
    assert {name: of.of for name, of in columns.items()} == {
        "sex": "labels",
        "age": "numbers",
        "amount": "numbers",
        "balance": "numbers",
        "job": "labels",
        "name": "text",
    }
    for of in columns.values():
        assert of.of == "text" or sum(of.counts.values()) + of.missing == of.rows == 600
    assert columns["balance"].missing > 30
    assert set(columns["job"].counts) == {"clerk", "driver"}


def test_shards_add_to_the_whole():
    frame = rows()
    parts = [histograms(frame.iloc[start : start + 200]) for start in (0, 200, 400)]
    whole = histograms(frame)
    assert (parts[2] + parts[0] + parts[1]).to_json() == whole.to_json()
    assert Histograms.from_json(whole.to_json()) == whole


def test_labels_that_become_many_are_text():
    one, two = (Histogram("labels", {f"{part}{i}": 5 for i in range(60)}, 0, 300) for part in "ab")
    assert (one + two) == Histogram("text", {}, 0, 600)
    assert (one + one).counts["a0"] == 10


def test_a_label_of_few_rows_is_not_named():
    frame = rows()
    frame.loc[:2, "job"] = "lighthouse keeper"
    counts = histograms(frame).columns["job"].counts
    assert counts["(other)"] == 3
    assert "lighthouse keeper" not in counts
