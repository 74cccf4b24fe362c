# ruff: noqa: RUF001, E501 (letters of other scripts are what it is about)
"""Special categories: by names in eight languages, by values, and whether a ground covers them."""

import random
import time

import pandas as pd
import pytest
from special_names import NAMES, PROXIES, TRAPS

from trustkit import ConfigError, Evidence, NotApplicable, System, audit, collect
from trustkit.checks.data_protection.special_categories import special_categories
from trustkit.collectors.contents import schema_of
from trustkit.detectors.content import Content, spoken
from trustkit.detectors.special import DETECTORS, TITLES, fold
from trustkit.evidence.contents import AUDIT, PROXY, TRAIN, UNSURE, Column, Contents, Hits


def named(column):
    words = spoken(column)
    return {each.name for each in DETECTORS if each.words.search(words)}


def sure(column):
    return {name for name in named(column) if not name.endswith((UNSURE, PROXY))}


def valued(column, *values, numbers=False):
    content = Content(column, list(values), numbers)
    found = {each.name: each.find(content) for each in DETECTORS}
    return {name: (len(shaped), len(proven)) for name, (shaped, proven) in found.items() if len(shaped)}


class TestNames:
    def test_the_list_is_large_enough(self):
        assert len(NAMES) >= 120
        assert len(set(TRAPS)) >= 40
        assert set(NAMES.values()) == set(TITLES)

    def test_recall_and_false_hits(self):
        found = [name for name, category in NAMES.items() if category in sure(name)]
        wrong = [name for name in TRAPS if sure(name)]
        asked = [name for name in TRAPS if named(name)]
        assert len(found) / len(NAMES) >= 0.98, set(NAMES) - set(found)
        assert len(wrong) / len(TRAPS) <= 0.02, wrong
        assert len(asked) / len(TRAPS) <= 0.06, asked

    def test_a_name_speaks_of_one_category(self):
        more = {name: sure(name) - {category} for name, category in NAMES.items()}
        assert {name: extra for name, extra in more.items() if extra} == {"juvenile_offender": {"children"}}

    def test_proxies_are_told_from_categories(self):
        assert all(f"{category}{PROXY}" in named(name) for name, category in PROXIES.items())
        assert not any(sure(name) for name in PROXIES)
        assert not any(
            name.endswith(PROXY) for column in ("religion", "race", "диагноз") for name in named(column)
        )

    def test_words_of_two_meanings_are_unsure(self):
        for column, category in {
            "party": "politics", "union": "union", "faith": "religion", "stroke": "health", "iris": "biometrics",
            "offense": "criminal", "pupil": "children", "din": "religion", "партия": "politics",
            "fingerprint": "biometrics",
        }.items():  # fmt: skip
            assert named(column) == {f"{category}{UNSURE}"}

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("национальность", "natsionalnost"), ("религия", "religiya"), ("соғлиқ", "sog'liq"),
            ("ўзбек", "oʻzbek"),
            ("ҷиноят", "jinoyat"), ("тоҷик", "tojik"), ("рeлигия", "религия"),
            ("ÑÂÏF", "naif"), ("саясий", "sayasiy"),
        ],
    )  # fmt: skip
    def test_spellings_are_one(self, one, other):
        assert fold(one) == fold(other)


class TestValues:
    @pytest.mark.parametrize(
        ("category", "values"),
        [
            ("health", ["E11.9", "I10", "J45.0", "C50.9"]),
            ("health", ["A+", "O-", "AB+", "B+"]),
            ("health", ["0(I) Rh+", "A(II)", "B(III) Rh-", "AB(IV)"]),
            ("health", ["Type 2 diabetes", "hypertension", "none", "chronic kidney disease"]),
            ("health", ["Сахарный диабет", "гипертония 2 ст.", "нет", "бронхиальная астма"]),
            ("health", ["бемории қанд", "саратон", "солим"]),
            ("ethnicity", ["White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other"]),
            ("ethnicity", ["таджик", "узбечка", "русский", "другая"]),
            ("ethnicity", ["тоҷик", "ӯзбек", "рус"]),
            ("ethnicity", ["қазақ", "орыс", "өзбек"]),
            ("ethnicity", ["o'zbek", "tojik", "qozoq"]),
            ("religion", ["Muslim", "Christian", "none"]),
            ("religion", ["православие", "ислам", "атеист"]),
            ("religion", ["мусулмон", "насронӣ"]),
            ("politics", ["Democrat", "Republican", "Independent"]),
            ("politics", ["Единая Россия", "КПРФ", "беспартийный"]),
            ("sex-life", ["heterosexual", "gay", "bisexual", "prefer not to say"]),
            ("religion", ["Sunni", "Shia", "Sikh"]),
            ("religion", ["исмоилия", "суннӣ"]),
            ("religion", ["Islamic", "Ismaili Muslim", "Hindu"]),
            ("genetics", ["rs429358", "rs7412", "rs1801133"]),
            ("genetics", ["A/G", "C/T", "G/G", "A/A"]),
            ("criminal", ["не судим", "судим", "судимость погашена"]),
            ("criminal", ["felony", "misdemeanor", "none"]),
            ("health-proxy", ["A10BA02", "C09AA02", "N02BE01"]),
            ("health-proxy", ["metformin 500 mg", "aspirin", "warfarin"]),
        ],
    )
    def test_are_known(self, category, values):
        shaped, proven = valued("v", *values)[category]
        assert shaped >= 0.5 * len(values)
        assert proven >= 1

    @pytest.mark.parametrize(
        ("column", "values"),
        [
            ("square", ["white", "black"]),
            ("grade", ["A+", "A", "A-", "B+", "B", "C"]),
            ("rating", ["AAA", "AA+", "BB-", "B+"]),
            ("seat", ["A10", "B12", "C01", "D30"]),
            ("code", ["X1", "Z99", "Q42"]),
            ("size", ["S", "M", "L", "XL"]),
            ("language", ["tajik", "o'zbek", "russian", "казах"]),
            ("cuisine", ["узбек", "кореец", "african american"]),
            ("status", ["valid", "invalid"]),
            ("status", ["enabled", "disabled"]),
            ("side", ["left", "right", "center"]),
            ("stage", ["none", "normal", "other"]),
            ("order", ["RS-1234", "AB-99", "rs12"]),
            ("town", ["Душанбе", "Алматы", "Тошкент", "Бишкек", "Ашгабат"]),
            ("name", ["Иван Петров", "Азиз Раҳимов", "Aigul Bek"]),
            (
                "менеджер",
                ["Исмоилов", "Исмаилова", "Islomov", "Христианова", "Исломзода", "Исмоил", "Sunniev"],
            ),
            ("ФИО", ["Ислом Каримов", "Christian Bauer", "Islam Khan"]),
            ("city", ["Islamabad", "Карачи", "Исламобод"]),
            ("outlook", ["sunny", "rain"]),
            ("cylinders", ["four", "six", "sixteen"]),
            ("source", ["ГАИ", "МВД"]),
            ("fruit", ["яблоко", "груша"]),
            ("причина", ["кража", "мошенничество"]),
            ("flag", ["0", "1"]),
        ],
    )
    def test_of_other_things_are_not(self, column, values):
        assert valued(column, *values) == {}

    def test_numbers_are_none(self):
        assert valued("diagnosis", "10", "11", "12", numbers=True) == {}

    def test_a_few_among_many_stay_few(self):
        assert valued("remark", "cancer", *[f"order {n}" for n in range(50)]) == {"health": (1, 1)}


class TestBounds:
    def test_ten_thousand_names(self):
        draw = random.Random(1)  # noqa: S311
        columns = ["".join(draw.choice("abcdeорт_ ґ٣xyzwvutsrqp") for _ in range(40)) for _ in range(10_000)]
        started = time.process_time()
        assert sum(bool(named(each)) for each in columns) < 20
        assert time.process_time() - started < 8

    @pytest.mark.parametrize(
        "text", ["a" * 10**6, "ё" * 10**6, "\ud800" * 1000, "a'" * 10**5, "é́" * 10**4, "race " * 10**5]
    )
    def test_no_name_or_value_takes_long(self, text):
        started = time.process_time()
        named(text)
        valued(text, text, text + "x")
        assert time.process_time() - started < 1

    def test_distinct_values_are_quick(self):
        draw = random.Random(2)  # noqa: S311
        values = [f"{draw.getrandbits(60):x} номер {n}" for n in range(10_000)]
        started = time.process_time()
        assert valued("v", *values) == {}
        assert time.process_time() - started < 1


def held(inputs=("a",), outcomes=(), sensitive=(), grounds=None, **columns):
    """Evidence of columns, each the detectors' hits in it: named, shaped, proven of 10 values."""
    schema = {
        **schema_of(0, None if inputs is None else list(inputs)),
        "outcomes": list(outcomes),
        "sensitive": list(sensitive),
        "grounds": grounds or {},
    }
    return Contents(
        schema,
        {
            (AUDIT, name): Column(10, 10, 10, {kind: Hits(*hit) for kind, hit in hits.items()})
            for name, hits in columns.items()
        },
    )


def judged(contents, **options):
    """Value and whether it is certain, by column; and the figures that are shown."""
    found = special_categories(contents, **options)
    of = {each.subject["column"]: each for each in found if "column" in each.subject}
    shown = {each.metric: each.note for each in found if each.metric != "uncovered"}
    return {name: each.interval(0.95) for name, each in of.items()}, shown


NAME, VALUES, NO = (True, 0, 0), (False, 8, 5), (False, 0, 0)
FAILS, PASSES, OPEN = (1, 1), (0, 0), (0, 1)


class TestCheck:
    @pytest.mark.parametrize(
        ("hits", "keys", "verdict"),
        [
            ({"health": NAME}, {"inputs": ["c"]}, FAILS),
            ({"health": NAME}, {"inputs": [], "outcomes": ["c"]}, FAILS),
            ({"health": NAME}, {"inputs": ["c"], "sensitive": ["c"]}, FAILS),
            ({"health": NAME}, {"inputs": []}, OPEN),
            ({"health": NAME}, {"inputs": None}, OPEN),
            ({"health": NAME}, {"inputs": [], "sensitive": ["c"]}, None),
            ({"health": NAME}, {"inputs": None, "sensitive": ["c"]}, None),
            ({"health": NAME}, {"inputs": ["c"], "grounds": {"health": "consent"}}, PASSES),
            ({"health": NAME}, {"inputs": ["c"], "grounds": {"genetics": "consent"}}, FAILS),
            ({"health": VALUES}, {"inputs": ["c"]}, OPEN),
            ({"health": VALUES}, {"inputs": []}, None),
            ({"health": (True, 8, 5)}, {"inputs": ["c"]}, FAILS),
            ({"politics-unsure": (True, 10, 0)}, {"inputs": ["c"]}, OPEN),
            ({"politics-unsure": (True, 0, 0)}, {"inputs": ["c"]}, None),
            ({"politics-unsure": (True, 10, 0)}, {"inputs": []}, None),
            ({"politics-unsure": (True, 10, 0), "politics": VALUES}, {"inputs": ["c"]}, FAILS),
            ({"health": (False, 2, 1)}, {"inputs": ["c"]}, None),
            ({"health-proxy": NAME}, {"inputs": ["c"]}, None),
            ({"kz-iin": (True, 9, 9)}, {"inputs": ["c"]}, None),
            ({"health": NAME, "genetics": NAME}, {"inputs": ["c"], "grounds": {"health": "consent"}}, FAILS),
        ],
    )
    def test_verdict_of_a_column(self, hits, keys, verdict):
        of, _ = judged(held(c=hits, **keys))
        assert of == ({} if verdict is None else {"c": verdict})

    def test_grounds_are_kept_apart(self):
        contents = held(inputs=["a", "b", "c"], a={"health": NAME}, b={"health": VALUES},
                        c={"health-unsure": (True, 10, 0), "health": VALUES})  # fmt: skip
        notes = {each.subject.get("column"): each.note for each in special_categories(contents)}
        assert "by its name;" in notes["a"]
        assert "by 80% of its values;" in notes["b"]
        assert "by a name of two meanings and 80% of its values;" in notes["c"]
        assert "data.grounds.health" in notes["b"]

    def test_what_is_shown(self):
        contents = held(
            inputs=["a"], sensitive=["race"], grounds={"genetics": "consent"}, race={"ethnicity": NAME},
            born={"ethnicity-proxy": NAME}, pills={"health-proxy": VALUES}, side={"politics": VALUES}, a={},
        )  # fmt: skip
        of, shown = judged(contents)
        assert of == {}
        assert shown == {
            "held": "race (ethnicity)",
            "possible": "side (politics)",
            "proxies": "born (ethnicity), pills (health)",
            "unfound": "genetics",
        }

    def test_cleared(self):
        contents = held(inputs=["union"], union={"union-unsure": (True, 10, 0)})
        assert judged(contents)[0] == {"union": OPEN}
        assert judged(contents, cleared={"union": "of firms"})[0] == {"union": PASSES}
        assert "cleared: of firms" in special_categories(contents, cleared={"union": "of firms"})[0].note

    def test_columns_of_training_and_audit_are_one(self):
        one, other = held(inputs=["c"], c={"health": NAME}), held(inputs=["c"], c={})
        both = Contents(one.schema, {**other.columns, (TRAIN, "c"): one.columns[AUDIT, "c"]})
        assert judged(both)[0] == {"c": FAILS}

    def test_nothing_to_search(self):
        with pytest.raises(NotApplicable, match="no column was searched"):
            special_categories(Contents(schema_of(), {}))


class TestAudit:
    def log(self):
        n = 40
        return pd.DataFrame(
            {"age": range(n), "Миллат": ["тоҷик", "ӯзбек"] * 20, "y": [0, 1] * 20, "d": [1, 0] * 20}
        )

    def audit(self, **keys):
        card = audit(
            data=self.log(), target="y", prediction="d", policy="unga-78-265",
            only=["data-protection/special-categories"], **keys,
        )  # fmt: skip
        return {each.subject.get("column"): each.verdict for each in card.findings}

    def test_by_its_roles(self):
        key = "Миллат"
        assert self.audit(features=["age", "Миллат"])[key] == "fail"
        assert self.audit()[key] == "inconclusive"
        assert self.audit(features=["age"])[key] == "inconclusive"
        assert key not in self.audit(features=["age"], sensitive=["Миллат"])
        assert self.audit(features=["age", "Миллат"], grounds={"ethnicity": "art. 7"})[key] == "pass"

    def test_a_cleared_column_has_to_be_there(self):
        with pytest.raises(ConfigError, match="Милат") as caught:
            self.audit(options={"data-protection/special-categories": {"cleared": {"Милат": "x"}}})
        assert caught.value.problems[0].nearest == "Миллат"

    def test_evidence_keeps_it(self, tmp_path):
        system = System(data=self.log(), target="y", prediction="d", grounds={"ethnicity": "art. 7"})
        evidence = collect(system, only=["contents"])
        evidence.save(tmp_path / "e.json")
        assert "тоҷик" not in (tmp_path / "e.json").read_text(encoding="utf-8")
        again = Evidence.load(tmp_path / "e.json").kinds["contents"]
        assert judged(again) == judged(evidence.kinds["contents"])
        assert judged(again)[0] == {"Миллат": PASSES}
