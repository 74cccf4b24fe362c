"""Adverse decisions are turned by possible rows alone, and the column that turns them is named."""

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.security.evasion import evasion
from trustkit.collectors import collect, evasions
from trustkit.errors import ConfigError
from trustkit.evidence.evasions import Evasions
from trustkit.system import System


def evasions_of(rows, *, declared=True, favorable=("1",)):
    """Evasions of so many rows: each of two columns turns some."""
    schema = {
        "columns": ["income", "city"],
        "declared": declared,
        "directions": {},
        "seed": 0,
        "most": 300,
        "sought": list(favorable),
        "score": True,
    }
    few = min(rows, 50)
    turned = (rows // 4, few // 2, few)
    return Evasions(schema, 2 * rows, (rows, few, few), turned, {"income": rows // 8, "city": 0}, 60 * rows)


def evasions_samples():
    """Evasions of several parts of one system, and of others."""
    return [*(evasions_of(n) for n in (7, 40, 300)), evasions_of(90, declared=False), evasions_of(0)]


def people(rows=2000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": rng.normal(50, 12, rows).round(2),
            "years": rng.integers(0, 30, rows),
            "city": pd.Categorical(rng.choice(["Dushanbe", "Khujand", "Kulob"], rows)),
            "channel": rng.choice(["branch", "phone", "web"], rows, p=[0.6, 0.3, 0.1]),
            "sex": rng.choice(["F", "M"], rows),
            "y": rng.integers(0, 2, rows),
        }
    )


class Rule:
    """Grants by income and years; a brittle one grants whoever says that he came by web."""

    feature_names_in_ = np.array(["income", "years", "city", "channel", "sex"])
    classes_ = np.array([0, 1])

    def __init__(self, brittle=False):
        self.brittle, self.asked = brittle, []

    def predict_proba(self, X):
        self.asked.append(X)
        score = 1 / (1 + np.exp(-(X["income"].to_numpy() - 62 + 0.1 * X["years"].to_numpy()) / 4))
        if self.brittle:
            score = np.where(X["channel"] == "web", 0.97, score)
        return np.column_stack([1 - score, score])

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


MUTABLE = {"mutable": ["income", "city", "channel"]}


def system(model, table=None, **options):
    return System(
        model,
        people() if table is None else table,
        target="y",
        sensitive=["sex"],
        config=tk.System(favorable=1).config.replace(options={"security/evasion": options}),
    )


def collected(model, table=None, **options):
    return collect(system(model, table, **options), only=["evasions"]).kinds["evasions"]


def card_of(model, table=None, seed=0, **options):
    return tk.audit(
        model,
        people() if table is None else table,
        target="y",
        favorable=1,
        sensitive=["sex"],
        options={"security/evasion": options},
        only=["security/evasion"],
        seed=seed,
    )


def test_a_brittle_column_fails_and_is_named():
    for seed in range(20):
        card = card_of(Rule(brittle=True), people(seed=seed), seed, **MUTABLE)
        verdicts = {f.subject["column"]: f.verdict for f in card.findings if f.metric == "by_column"}
        assert verdicts == {"income": "pass", "city": "pass", "channel": "fail"}


def test_the_honest_twin_passes():
    for seed in range(20):
        card = card_of(Rule(), people(seed=seed), seed, **MUTABLE)
        assert {f.verdict for f in card.findings if f.metric == "by_column"} == {"pass"}


def test_every_row_asked_about_is_a_possible_one():
    table, model = people(), Rule(brittle=True)
    found = collected(model, table, **MUTABLE, directions={"income": "increasing"})
    assert found.turned[0] > 0
    drawn = len(table)
    own = table.groupby(["years", "sex"], observed=True).size().index
    for asked in model.asked:
        assert list(asked.dtypes) == list(table[list(model.feature_names_in_)].dtypes)
        for column in ("income", "city", "channel"):
            assert set(asked[column]) <= set(table[column])
        assert set(zip(asked["years"], asked["sex"], strict=True)) <= set(own)
    assert found.of <= drawn


def test_edits_are_the_steps_a_person_would_count_by_hand():
    """Four rows, one column of numbers: each may go to the two next values, and a step back to two."""
    table = people(8).assign(income=[10.0, 20.0, 30.0, 40.0, np.nan, 10.0, 20.0, 30.0], channel="phone")
    frame = System(Rule(), table, target="y", favorable=1)
    from trustkit.collectors.sources import Sources

    sources = Sources.open(frame)
    moves = list(evasions._moves(sources.frame, "income", None))
    givers = [[None if i < 0 else table["income"][i] for i in move.donor[:4]] for move in moves]
    assert givers == [
        [20.0, 30.0, 40.0, None],
        [30.0, 40.0, None, None],
        [None, 10.0, 20.0, 30.0],
        [None, None, 10.0, 20.0],
    ]
    assert all(move.donor[4] == -1 for move in moves)
    only = list(evasions._moves(sources.frame, "income", "increasing"))
    assert len(only) == 2
    assert next(iter(evasions._moves(sources.frame, "channel", None))).donor.tolist() == [-1] * 8


def test_two_edits_are_found_where_one_does_not_suffice():
    class Both(Rule):
        def predict_proba(self, X):
            score = 0.4 * (X["channel"] == "web") + 0.4 * (X["city"] == "Kulob")
            return np.column_stack([1 - score, score])

    table = people().query("channel != 'web' and city != 'Kulob'")
    more = people(300, seed=1).query("channel == 'web' or city == 'Kulob'")
    found = collected(Both(), pd.concat([table, more], ignore_index=True), mutable=["city", "channel"])
    one, two, three = found.turned
    adverse_with_one = one / found.rows[0]
    assert adverse_with_one < 0.3
    assert two == three == found.rows[1]


def test_without_a_declaration_nothing_is_judged():
    card = card_of(Rule(brittle=True))
    [shown] = [f for f in card.findings if f.metric == "by_column"]
    assert (shown.subject, shown.verdict) == ({"column": "channel"}, "not_applicable")
    [control] = [each for each in card.controls if each.id == "TK-SEC-02"]
    assert control.verdict == "not_assessed"
    assert any("mutable" in need for need in control.needs)


def test_a_slow_model_is_asked_less():
    fast = collected(Rule(), **MUTABLE)
    slow = collected(Rule(), **MUTABLE, budget=1e-9)
    assert (fast.rows[0], slow.rows[0]) == (300, 10)
    assert slow.queries < fast.queries / 10


def test_the_same_seed_asks_the_same():
    one, two, other = (
        collect(system(Rule(), **MUTABLE), only=["evasions"], seed=seed).kinds["evasions"].to_json()
        for seed in (3, 3, 4)
    )
    assert one == two
    assert one != other


@pytest.mark.parametrize("option", [{"mutable": ["incom"]}, {"directions": {"incom": "increasing"}}])
def test_a_column_that_is_no_input_is_refused(option):
    with pytest.raises(ConfigError) as caught:
        collected(Rule(), **option)
    [problem] = caught.value.problems
    assert problem.nearest == "income"


def test_what_has_no_decision_to_turn_says_so():
    table = people()
    logged = table.assign(decision=table["y"])
    log = collect(System(None, logged, target="y", prediction="decision", favorable=1), only=["evasions"])
    assert "no model" in log.absent["evasions"][0]
    number = collect(System(Rule(), table, target="income", task="regression"), only=["evasions"])
    assert "quantity" in number.absent["evasions"][0]
    nothing = collect(system(Rule(), mutable=[]), only=["evasions"])
    assert nothing.absent["evasions"] == ("its owner declares that nobody can change an input", None)
    with pytest.raises(NotApplicable, match="no row"):
        list(evasion(evasions_of(0)))


def test_a_granting_model_has_no_adverse_row():
    class Grants(Rule):
        def predict(self, X):
            return np.ones(len(X), dtype=int)

    assert collected(Grants(), **MUTABLE).rows == (0, 0, 0)
