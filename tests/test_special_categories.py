# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Special categories: by names in eight languages, by values, and whether a ground covers them."""

import random
import time

import pytest
from special_names import NAMES, PROXIES, TRAPS

from trustkit.detectors.content import Content, spoken
from trustkit.detectors.special import DETECTORS, PROXY, TITLES, UNSURE, fold


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
        wrong = [name for name in TRAPS if named(name)]
        assert len(found) / len(NAMES) >= 0.98, set(NAMES) - set(found)
        assert len(wrong) / len(TRAPS) <= 0.02, wrong

    def test_a_name_speaks_of_one_category(self):
        more = {name: sure(name) - {category} for name, category in NAMES.items()}
        assert not {name: extra for name, extra in more.items() if extra}

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
