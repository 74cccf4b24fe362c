"""Persons whom training and audit have in common are counted, and nobody is named."""

import numpy as np
import pandas as pd
import pytest
from test_leakage import overlaps_of

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.data_protection.same_person import same_person
from trustkit.collectors import collect
from trustkit.evidence.overlaps import Match
from trustkit.system import System


def table(start, n, seed=0):
    rng = np.random.default_rng([seed, start])
    return pd.DataFrame(
        {
            "who": np.arange(start, start + n) // 2,
            "mail": [f"Person{i}@Example.org" for i in range(start, start + n)],
            "city": rng.choice(["Osh", "Naryn", "Talas"], n),
            "income": rng.integers(10, 90, n),
            "y": rng.integers(0, 2, n),
        }
    )


def collected(audit, train, **roles):
    given = {"target": "y", "prediction": "y2", "favorable": 1, **roles}
    evidence = collect(System(data=audit.assign(y2=1), train=train, **given), only=["overlaps"])
    assert not evidence.errors, evidence.errors
    return evidence


class TestPersons:
    def test_the_unit_counts_persons_and_columns_of_names_count_rows(self):
        kind = collected(table(900, 1000), table(0, 1000), unit="who").kinds["overlaps"]
        assert kind.persons == {
            "who": Match(500, 50, 0, 500, 0),
            "mail": Match(1000, 100, 0, 1000, 0),
        }
        assert [(e.subject["column"], e.value) for e in same_person(kind)] == [("who", 0.1), ("mail", 0.1)]

    def test_case_and_spaces_hide_nobody(self):
        audit = table(0, 200).assign(mail=lambda t: "  " + t.mail.str.upper())
        assert collected(audit, table(0, 200)).kinds["overlaps"].persons["mail"].shared == 200

    def test_a_column_of_cities_or_amounts_names_nobody(self):
        assert list(collected(table(0, 200), table(0, 200)).kinds["overlaps"].persons) == ["mail"]

    @pytest.mark.parametrize(
        "texts",
        [
            pd.date_range("2001-01-01", periods=200).strftime("%d.%m.%Y"),
            pd.date_range("2001-01-01", periods=200, freq="h", tz="Asia/Dushanbe"),
            [f"the operator of case {i} was not there" for i in range(200)],
            [1_700_000_000 + 977 * i for i in range(200)],
            [1_700_000_000_000 + 977 * i for i in range(200)],
        ],
        ids=["days", "moments", "remarks", "seconds", "milliseconds"],
    )
    def test_days_and_remarks_name_nobody(self, texts):
        audit = table(0, 200).assign(mail=texts)
        assert collected(audit, audit).kinds["overlaps"].persons == {}

    def test_full_names_and_grouped_numbers_do(self):
        for texts in (
            [f"A{i} ibn Ali al Bukhari" for i in range(200)],
            [f"+992 93 555 {i}" for i in range(200)],
        ):
            audit = table(0, 200).assign(mail=texts)
            assert collected(audit, audit).kinds["overlaps"].persons["mail"].shared == 200

    def test_long_numbers_are_compared_digit_by_digit(self):
        audit, train = table(900, 1000), table(0, 1000)
        for frame in (audit, train):
            frame["mail"] = 990101300000 + frame.mail.str.extract(r"(\d+)")[0].astype(int)
        assert collected(audit, train).kinds["overlaps"].persons == {"mail": Match(1000, 100, 0, 1000, 0)}

    def test_columns_beside_the_models_inputs_are_read_too(self):
        def model(rows):
            return (rows["income"] > 50).astype(int)

        system = System(
            data=table(0, 200), train=table(0, 200), model=model, features=["income"], target="y", favorable=1
        )
        assert collect(system, only=["overlaps"]).kinds["overlaps"].persons["mail"].shared == 200

    def test_namesakes_are_chance(self):
        rng = np.random.default_rng(1)
        audit, train = table(0, 2000), table(5000, 2000)
        for frame in (audit, train):
            frame["mail"] = [f"name {i}" for i in rng.integers(0, 40_000, 2000)]
        kind = collected(audit, train).kinds["overlaps"]
        (by_name,) = same_person(kind)
        assert kind.persons["mail"].shared > 80
        assert by_name.value < 0.025

    def test_no_value_enters_the_evidence(self):
        text = str(collected(table(0, 200), table(0, 200), unit="who").kinds["overlaps"].to_json())
        assert "Person" not in text
        assert "Osh" not in text


class TestAudit:
    def verdicts(self, audit, train, **roles):
        card = tk.judge(collected(audit, train, **roles), "unga-78-265", only=["data-protection/same-person"])
        return {f.id: f.verdict for f in card.findings}, card

    def test_split_by_person_passes_and_shared_persons_fail(self):
        clean, _ = self.verdicts(table(4000, 4000), table(0, 4000), unit="who")
        assert {*clean.values()} == {"pass"}
        mixed, _ = self.verdicts(table(3800, 4000), table(0, 4000), unit="who")
        assert {*mixed.values()} == {"fail"}

    def test_few_persons_are_inconclusive(self):
        found, _ = self.verdicts(table(100, 60), table(0, 60), unit="who")
        assert {*found.values()} == {"inconclusive"}

    @pytest.mark.parametrize(("change", "supply"), [({"train": False}, "data.train"), ({}, "None")])
    def test_what_to_supply(self, change, supply):
        kind = overlaps_of(50, **change)
        object.__setattr__(kind, "persons", {})
        with pytest.raises(NotApplicable) as signal:
            same_person(kind)
        assert str(signal.value.supply).startswith(supply)

    def test_no_value_at_all(self):
        kind = overlaps_of(0)
        assert [e.why for e in same_person(kind)] == ["no value is there"]
