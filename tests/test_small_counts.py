"""Counts of few rows in the kinds of evidence that are no cells: none of them is shared."""

import pytest

from trustkit.evidence.ablations import Ablation, Ablations, Turned
from trustkit.evidence.contents import AUDIT, MODEL, Column, Contents, Hits
from trustkit.evidence.expectations import Expectations, Violations
from trustkit.evidence.exposures import Exposures, Sought
from trustkit.evidence.perturbations import MILD, Effect, Perturbations
from trustkit.evidence.probes import Probes
from trustkit.evidence.reruns import AGAIN, Changes, Reruns

USUAL = (Turned(100, 20, 10),)


def ablation(rows=200, changed=50, classes=USUAL):
    each = Ablation(rows, changed, dict(zip("ab", classes, strict=False)))
    return Ablations({}, 900, {"age": each}, {"age": Ablation()})


def effect(*counts, stray=(100, 40)):
    return Perturbations({}, 900, 100, {("noise", MILD, ""): Effect(*counts)}, {"age": stray})


def rerun(*counts):
    return Reruns({}, 900, {AGAIN: Changes(*counts)})


def expectation(rows, violations):
    return Expectations({}, 900, rows, (Violations(rows, violations),))


def content(rows=100, where=AUDIT, **hits):
    return Contents({}, {(where, "age"): Column(rows, min(rows, 2), 2, hits)})


def exposure(values, found):
    return Exposures({}, ("cells",), {"age": Sought(values, found), "name": Sought(40, 0)}, 9, 0)


MANY = {
    "ablations": ablation(),
    "all answers of ablations": ablation(changed=200, classes=()),
    "perturbations": effect(100, 30, 60, 20, 10, 10),
    "refused perturbations": effect(0, 0, 0, 0, 0, 0, 100, "ValueError"),
    "reruns": rerun(100, 0, 100),
    "expectations": expectation(100, 5),
    "contents": content(named=Hits(True, 60, 0)),
    "texts of a model": content(2, MODEL),
    "exposures": exposure(40, 0),
    "probes": Probes({}, {}, {}, rows=20, disagreeing=5),
}
"""Evidence whose counts are each of none or of five rows and more."""

FEW = {
    "rows of a class": ablation(classes=(Turned(100, 20, 10), Turned(3, 0, 0))),
    "rows answered better": ablation(classes=(Turned(100, 4, 10),)),
    "rows answered alike": ablation(classes=(Turned(100, 96, 0),)),
    "rows without an outcome": ablation(classes=(Turned(198, 20, 10),)),
    "answers that changed": ablation(changed=1, classes=()),
    "answers that did not": ablation(changed=199, classes=()),
    "flips": effect(100, 4),
    "rows made wrong": effect(100, 30, 60, 2, 28, 10),
    "rows refused": effect(0, 0, 0, 0, 0, 0, 3, "ValueError"),
    "strays": effect(100, 30, stray=(100, 98)),
    "decisions": rerun(100, 1, 0),
    "scores": rerun(100, 0, 97),
    "violations": expectation(100, 4),
    "rows that hold": expectation(100, 96),
    "rows with a value": content(4),
    "values found": content(named=Hits(True, 60, 2)),
    "rare values found": exposure(40, 2),
    "rows with two answers": Probes({}, {}, {}, rows=20, disagreeing=1),
}
"""Evidence in which one count is of 1 to 4 rows."""


@pytest.mark.parametrize("name", MANY)
def test_many_are_shared(name):
    assert MANY[name].without_small_cells(5) == MANY[name]


@pytest.mark.parametrize("name", FEW)
def test_few_are_not_shared(name):
    assert FEW[name].without_small_cells(5) is None


def test_few_rare_values_of_a_column_are_shared_as_none():
    shared = exposure(3, 0).without_small_cells(5)
    assert shared.columns == {"age": Sought(), "name": Sought(40, 0)}
