# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Personal data: published vectors, chance rates, the corpus, what hides a number, and hostile input."""

import json
import pickle
import time

import numpy as np
import pandas as pd
import phonenumbers
import pyarrow as pa
import pytest
from corpus import Maker, corpus, frame
from stdnum import iban as stdnum_iban
from stdnum import luhn as stdnum_luhn
from stdnum.cn import ric as stdnum_ric
from stdnum.ru import inn as stdnum_inn
from stdnum.ru import ogrn as stdnum_ogrn
from stdnum.tr import tckimlik as stdnum_tckn

import trustkit
from trustkit import ConfigError
from trustkit.checks.data_protection.personal_data import personal_data
from trustkit.collectors.contents import column_of, columns_of, schema_of
from trustkit.config import Config
from trustkit.detectors import detectors
from trustkit.detectors.columns import MOST_ROWS, distinct
from trustkit.detectors.contacts import DETECTORS as CONTACTS
from trustkit.detectors.content import Content, plain, spoken
from trustkit.detectors.detector import examine
from trustkit.detectors.documents import mrz_digit
from trustkit.detectors.numbers import iin, inn, luhn, ogrn, pinfl, ric, snils, tckn
from trustkit.detectors.payments import iban
from trustkit.detectors.values import LONGEST, MOST_TEXT, MOST_VALUES, Values
from trustkit.evidence.contents import AUDIT, MODEL, TRAIN, Column, Contents, Hits
from trustkit.frames import Frame
from trustkit.measure.intervals import OneOf, proportions
from trustkit.models.scanning import scan

ID = "data-protection/personal-data"
LIMIT = 0.01
"""That of the packaged policy."""


def digits_of(*numbers):
    return np.array([[int(each) for each in number] for number in numbers])


def found(values, name="c", **keys):
    """Hits of one column by detector."""
    return column_of(name, distinct(Frame.open(pd.DataFrame({name: values})), name), **keys).hits


def contents_of(n=40, seed=0):
    """Evidence of three columns with hits of every detector, and of a model's file."""
    rng = np.random.default_rng(seed)
    columns = {}
    for where, name in ((AUDIT, "a"), (AUDIT, "b"), (TRAIN, "a"), (MODEL, "model.joblib")):
        hits = {}
        for each in detectors():
            shaped = int(rng.integers(0, n + 1))
            hits[each.name] = Hits(bool(rng.integers(2)), shaped, int(rng.integers(0, shaped + 1)))
        columns[where, name] = Column(3 * n, n, n + (n > 0), hits if n else {})
    schema = schema_of(0, ["a"], "b")
    return Contents(schema, columns, {"model.joblib": ("_fit_X",)} if n else {})


def contents_samples():
    """Samples of the kind: nothing, little, much, and clean columns."""
    clean = {(AUDIT, name): Column(9, 9, 9) for name in "xyz"}
    return [contents_of(0), contents_of(3, 1), contents_of(400, 2), Contents(schema_of(), clean)]


class TestNumbers:
    def test_kazakh_vectors(self):
        valid = digits_of("061211600012", "791028302728", "900101300017", "900101300811", "150140000121")
        assert iin(valid).all()
        assert not iin(digits_of(*(f"90010130080{d}" for d in range(10)))).any()

    def test_uzbek_vectors(self):
        assert pinfl(digits_of("30102901234562", "61503054010072")).all()
        assert not pinfl(digits_of("30102901234563")).any()

    def test_russian_vectors(self):
        assert snils(digits_of("11223344595", "08765430200", "08765430300")).all()
        assert inn(digits_of("500100732259")).all()
        assert inn(digits_of("7707083893")).all()

    def test_one_number_may_pass_both(self):
        both = digits_of("561116430888")
        assert iin(both).all()
        assert inn(both).all()

    def test_iban_vectors(self):
        valid = [
            "KZ86125KZT5004100100",
            "KZ75125KZT2069100100",
            "AZ21NABZ00000000137010001944",
            "GE29NB0000000101904917",
            "UA213223130000026007233566001",
        ]
        assert all(map(iban, valid))
        assert not iban("KZ86125KZT5004100101")

    def test_zone_of_icao(self):
        # ICAO 9303, part 4, appendix B: the specimen of Utopia
        assert [mrz_digit(field) for field in ("L898902C3", "740812", "120415")] == [6, 2, 9]

    @pytest.mark.parametrize(
        ("ours", "theirs", "length"),
        [
            (inn, stdnum_inn, 10),
            (inn, stdnum_inn, 12),
            (ogrn, stdnum_ogrn, 13),
            (ogrn, stdnum_ogrn, 15),
            (tckn, stdnum_tckn, 11),
            (luhn, stdnum_luhn, 16),
        ],
    )
    def test_as_python_stdnum_does(self, ours, theirs, length):
        rng = np.random.default_rng(length)
        stems = ["".join(map(str, rng.integers(1, 9, length - 1))) for _ in range(60)]
        numbers = [stem + str(last) for stem in stems for last in range(10)]
        if theirs is stdnum_ogrn:  # which also looks at the first digit, and knows no remainder above 9
            numbers = [("1" if length == 13 else "3") + number[1:] for number in numbers]
            numbers = [number for number in numbers if int(number[:-1]) % (length - 2) < 10]
        assert ours(digits_of(*numbers)).tolist() == [theirs.is_valid(number) for number in numbers]

    def test_chinese_as_python_stdnum_does(self):
        numbers = [f"1101051949123100{d:02}" for d in range(100)]
        assert ric(digits_of(*numbers)).tolist() == [stdnum_ric.is_valid(number) for number in numbers]

    def test_ibans_as_python_stdnum_does(self):
        make = Maker(3)
        numbers = [make.iban() for _ in range(50)]
        broken = [number[:-1] + str((int(number[-1]) + 1) % 10) for number in numbers]
        assert all(map(iban, numbers))
        assert all(stdnum_iban.is_valid(number, check_country=False) for number in numbers)
        assert not any(map(iban, broken))

    def test_chance_is_as_published_and_never_above_what_is_declared(self):
        rng = np.random.default_rng(0)
        random = rng.integers(0, 10, (400_000, 18))
        shares = {
            "kz-iin": iin(random[:, :12]).mean(),
            "uz-pinfl": pinfl(random[:, :14]).mean(),
            "ru-inn-12": inn(random[:, :12]).mean(),
            "ru-inn-10": inn(random[:, :10]).mean(),
            "ru-ogrn": ogrn(random[:, :13]).mean(),
            "ru-ogrnip": ogrn(random[:, :15]).mean(),
            "ru-snils": snils(random[:, :11]).mean(),
            "tr-tckn": tckn(random[:, :11]).mean(),
            "cn-ric": ric(random).mean(),
            "card": luhn(random[:, :16]).mean(),
            "imei": luhn(random[:, :15]).mean(),
        }
        assert shares["kz-iin"] == pytest.approx(0.0995, abs=0.002)
        assert shares["ru-inn-12"] == pytest.approx(0.0102, abs=0.001)
        declared = {each.name: each.chance for each in detectors()}
        for name, share in shares.items():
            assert share < declared[name] + 0.001, name
            ending = random[:, : {"kz-iin": 12, "ru-inn-12": 12, "ru-inn-10": 10}.get(name, 0)].copy()
            if len(ending[0]):  # the worst a last digit can do: 0, which two remainders give
                ending[:, -2:] = 0
                check = iin if name == "kz-iin" else inn
                assert check(ending).mean() < declared[name] + 0.001, name


@pytest.fixture(scope="module", params=[0, pytest.param(1, marks=pytest.mark.slow)])
def searched(request):
    """The corpus of a seed, with what was found in each column."""
    columns = corpus(request.param)
    opened = Frame.open(frame(columns))
    return columns, Contents(schema_of(0, opened.columns), columns_of(opened, AUDIT))


def flagged(columns, contents, name):
    """Identifiers that are claimed of a column, at the default limit."""
    alone = Contents(contents.schema, {(AUDIT, name): contents.columns[AUDIT, name]})
    judged = [each for each in personal_data(alone) if "column" in each.subject]
    return [each for each in judged if not each.interval(0.05)[1] < LIMIT]


class TestCorpus:
    def test_is_as_large_as_it_must_be(self):
        columns = corpus()
        assert sum(bool(each.kinds) for each in columns) >= 80
        assert sum(not each.kinds for each in columns) >= 30

    def test_each_identifier_is_found(self, searched):
        columns, contents = searched
        titles = {each.name: each.title for each in detectors()}
        missed = []
        for each in columns:
            if each.kinds:
                notes = [estimate.note for estimate in flagged(columns, contents, each.name)]
                right = tuple(titles[kind] for kind in each.kinds)
                if not any(note.startswith(right) for note in notes):
                    missed.append(each.title)
        assert len(missed) <= 0.02 * len(columns), missed

    def test_no_trap_is_taken_for_one(self, searched):
        columns, contents = searched
        traps = [each for each in columns if not each.kinds]
        taken = [each.title for each in traps if flagged(columns, contents, each.name)]
        assert len(taken) <= 0.02 * len(traps), taken

    def test_no_value_is_kept(self, searched):
        columns, contents = searched
        kept = json.dumps(contents.to_json(), ensure_ascii=False)
        for each in columns:
            for value in each.values[:50]:
                assert not isinstance(value, str) or len(value) < 6 or value not in kept


class TestChance:
    def share(self, values):
        contents = Contents(schema_of(0, ["c"]), {(AUDIT, "c"): column_of("c", Values.of_texts(values))})
        return next((each for each in personal_data(contents) if each.subject == {"column": "c"}), None)

    def test_one_in_ten_is_no_hit_and_nearly_all_is(self):
        rng = np.random.default_rng(0)
        make = Maker(0)
        random = ["".join(map(str, rng.integers(0, 10, 12))) for _ in range(2000)]
        assert self.share(random) is None
        good = [make.iin() for _ in range(980)]
        bad = [each[:-1] + str((int(each[-1]) + 1) % 10) for each in (make.iin() for _ in range(20))]
        estimate = self.share(good + bad)
        assert estimate.value == pytest.approx((0.98 - 0.1) / 0.9, abs=1e-9)
        assert estimate.interval(0.0005)[0] > 0.9

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_few_values_do_not_fail_by_chance(self, n):
        passing = Maker(1)
        assert self.share([passing.iin() for _ in range(n)]) is None

    def test_few_values_count_together_with_a_name(self):
        make = Maker(1)
        hits = found([make.iin() for _ in range(3)], "iin")["kz-iin"]
        assert hits == Hits(True, 3, 3)
        contents = Contents(schema_of(0, ["iin"]), {(AUDIT, "iin"): Column(3, 3, 3, {"kz-iin": hits})})
        assert personal_data(contents)[0].value == pytest.approx(1.0)

    def test_a_wrong_check_digit_is_not_mended_by_a_name(self):
        rng = np.random.default_rng(5)
        hits = found(["".join(map(str, rng.integers(0, 10, 12))) for _ in range(500)], "iin")["kz-iin"]
        contents = Contents(schema_of(), {(AUDIT, "iin"): Column(500, 500, 500, {"kz-iin": hits})})
        assert [each.value for each in personal_data(contents)] == [0.0]

    def test_since_2013_an_iin_needs_no_date(self):
        make = Maker(2)
        stems = [make.digits(11, "9") for _ in range(600)]
        valid = [stem + str(d) for stem in stems for d in range(10) if iin(digits_of(stem + str(d)))[0]]
        assert found(valid, "ИИН")["kz-iin"].proven == len(valid)

    @pytest.mark.parametrize("n", [20, 200, 2000])
    def test_at_the_limit_false_fails_and_passes_are_held(self, n):
        """Exact: over all counts, not a simulation."""
        from scipy.stats import binom

        k = np.arange(n + 1)
        weights = binom.pmf(k, n, LIMIT)
        among = 5
        limits = OneOf(proportions(k / n, np.full(n + 1, float(n))), np.full(n + 1, float(among)), k < 0)
        for level in (0.05, 0.0005):
            assert weights[limits.lower(level) > LIMIT].sum() <= level / among
        assert weights[limits.upper(0.05) < LIMIT].sum() <= 0.05


class TestPhones:
    def dialed(self, text):
        """Whether a text is proven to hold a phone number."""
        return examine(Content("c", [text, "x"]), CONTACTS).get("phone", Hits()).proven

    def test_examples_of_every_region_are_found_where_they_have_eight_digits(self):
        found_, missed = 0, []
        for region in sorted(phonenumbers.SUPPORTED_REGIONS):
            for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
                number = phonenumbers.example_number_for_type(region, kind)
                if number is not None:
                    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
                    hit = self.dialed(text)
                    found_ += hit
                    missed += [] if hit else [text]
        assert found_ > 480
        assert all(len(text) < 10 for text in missed), missed

    @pytest.mark.parametrize(
        "text",
        [
            "+992917123456",
            "+99366123456",
            "+996700123456",
            "+998912345678",
            "+77710009998",
            "+79123456789",
            "+93701234567",
            "00992 91 712 34 56",
            "8 (727) 123-45-67",
        ],
    )
    def test_numbers_of_the_region(self, text):
        assert self.dialed(f"tel. {text}.") == 1

    @pytest.mark.parametrize("text", ["+99291712345", "+12345678.50", "998901234567", "1 234 567", "+1 2 3"])
    def test_what_is_none(self, text):
        assert self.dialed(text) == 0


IDENTIFIERS = [each for each in detectors() if each.family == "identifiers"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("person-name", "Воробьёв;Виктор;Николаевич"),
        ("person-name", "QODIROV TEMUR JASUR O'G'LI"),
        ("person-name", "Саидзода Рустам"),
        ("person-name", "Braund, Mr. Owen Harris"),
        ("phone", "8-912-345-67-89"),
        ("phone", "(+992) 91 712 3456"),
        ("email", "воробьев@почта.рф"),
        ("email", "Mary <MARY.SMITH@EXAMPLE.COM>"),
        ("email", '{"email": "mary@example.com", "x": 1}'),
        ("kz-iin", '{"iin":791028302728,"x":1}'),
        ("kz-iin", "№791028302728"),
        ("kz-iin", "7\u200b91028302728"),
        ("iban", "kz86125kzt5004100100"),
        ("card", "карта 4111 1111 1111 1111 активна"),
        ("passport", "паспорт 4509 123456"),
        ("mac", "ED-18-93-F3-AB-7F"),
        ("ip", "190.147.176.109:8080"),
        ("account-link", "postgres://user:secret@db.example/x"),
        ("birth-date", "Иванов, 12.03.1987 г.р."),
        ("address", "г. Бишкек, мкр. Асанбай, д. 31, кв. 51"),
        ("position", "41.29950, 69.24010"),
        ("picture", "data:image/png;base64,iVBORw0KGgo"),
        ("ru-snils", "112-233-445 95"),
    ],
)
def test_one_value_of_its_form_is_proven(kind, text):
    content = Content.of("c", Values.of_texts([text, "another text"]))
    assert examine(content, IDENTIFIERS)[kind].proven == 1


class TestHiding:
    """What must not hide a number is in the corpus; here are the single turns."""

    def test_digits_and_spaces_are_spelled_one_way(self):
        assert plain(["٩٠٠ ۱۰۱", "９００\u00a0１０１", "900\u2009101", "9\u200b00\n101"]) == ["900 101"] * 4

    def test_names_of_columns_are_words(self):
        assert spoken("clientIIN_No") == "client iin no"
        assert spoken("ФИО-клиента") == "фио клиента"

    def test_a_day_is_no_number(self):
        content = Content("c", ["2024-01-15 12:30", "15-01-2024 11", "900101-300017"])
        assert content.tokens(12).places.tolist() == [2]
        assert all(not len(content.tokens(length).places) for length in (8, 10))

    def test_fractions_are_no_numbers(self):
        assert not len(Content("c", ["123456789012.5", "0.900101300017", "1,900101300017"]).tokens(12).places)
        assert len(Content("c", ["900101300017.0"]).tokens(12).places) == 1


def judged(data, **keys):
    keys = {"target": "y", "prediction": "d", "favorable": 1, "only": [ID], **keys}
    card = trustkit.audit(data=data, **keys)
    return {each.id.removeprefix(f"{ID}:"): each for each in card.findings}


def log(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame(
        {**columns, "income": np.arange(n) * 1.7, "y": np.arange(n) % 2, "d": np.arange(n) % 2}
    )


class TestVerdicts:
    emails = [Maker(9).email() for _ in range(60)]  # noqa: RUF012

    def test_an_input_fails_and_what_is_held_stays_open(self):
        data = log(mail=[f"{at}{each}" for at, each in enumerate(self.emails)])
        mine = "identifying:column=mail:max"
        assert judged(data, features=["income", "mail"])[mine].verdict == "fail"
        open_ = judged(data, features=["income"])[mine]
        assert open_.verdict == "inconclusive"
        assert "Name it in options" in open_.message
        assert judged(data)[mine].verdict == "inconclusive"  # nobody said what the inputs are

    def test_clean_columns_are_one_line(self):
        findings = judged(log(a=np.arange(60), b=["x", "y"] * 30), features=["income"])
        assert list(findings) == ["identifying:columns=all others:max"]
        assert findings["identifying:columns=all others:max"].verdict == "pass"
        assert "5 of 5" in findings["identifying:columns=all others:max"].message

    def test_what_is_declared_is_shown_and_not_judged(self):
        data = log(mail=[f"{at}{each}" for at, each in enumerate(self.emails)])
        options = {ID: {"declared": ["mail"]}}
        for features in (["income"], ["income", "mail"]):
            findings = judged(data, features=features, options=options)
            assert findings["declared:column=mail"].verdict == "not_applicable"
            assert "declared" in findings["declared:column=mail"].message
        assert "an input" in findings["declared:column=mail"].message
        assert "declared:column=mail" in judged(data, unit="mail", features=["income"])

    def test_an_unknown_declared_column_is_named_with_the_nearest(self):
        with pytest.raises(ConfigError) as caught:
            judged(log(mail=self.emails), options={ID: {"declared": ["mial"]}})
        assert caught.value.problems == [(f'options."{ID}".declared', "there is no column 'mial'", "mail")]

    def test_training_rows_are_looked_at_too(self):
        data = log(mail=["x"] * 60)
        train = data.assign(mail=[f"{at}{each}" for at, each in enumerate(self.emails)])
        findings = judged(data, train=train, features=["income", "mail"])
        assert findings["identifying:column=mail:max"].verdict == "fail"
        assert "in training rows;" in findings["identifying:column=mail:max"].message
        findings = judged(train, train=data, features=["income", "mail"])
        assert findings["identifying:column=mail:max"].verdict == "fail"

    def test_a_column_of_both_tables_is_one_finding_of_the_one_that_holds_more(self):
        data = log(mail=[f"{at}{each}" for at, each in enumerate(self.emails)])
        train = data.assign(mail=[*data["mail"][:6], *(f"word {at}" for at in range(54))])
        for tables in ((data, train), (train, data), (data, data[:2])):
            findings = judged(tables[0], train=tables[1], features=["income", "mail"])
            (one,) = [each for key, each in findings.items() if "column=mail" in key]
            assert (one.verdict, one.estimate, one.n) == ("fail", 1.0, 60)
            assert "rows, also in " in one.message

    def test_of_both_tables_none_makes_the_other_pass(self):
        """A large table in which few values are found, and a small one of which little is known."""
        few, title = Hits(proven=50, shaped=50), {"family": "identifiers", "title": "mails", "chance": 0.0}
        schema = {"inputs": ["a"], "unit": None, "detectors": {"email": title}}
        tables = {
            (AUDIT, "a"): Column(10_000, 10_000, 10_000, {"email": few}),
            (TRAIN, "a"): Column(1, 1, 1, {"email": Hits(proven=1, shaped=1)}),
        }
        (both,) = personal_data(Contents(schema, tables))
        parts = [next(iter(personal_data(Contents(schema, {key: tables[key]})))) for key in tables]
        assert both.value == max(part.value for part in parts)
        for level in (0.05, 1e-3):
            assert both.limits.lower(level)[0] == max(part.limits.lower(level / 2 / 2)[0] for part in parts)
            assert both.limits.upper(level)[0] == max(part.limits.upper(level)[0] for part in parts)


class TestModelFiles:
    def test_texts_in_the_file_are_searched_and_stored_rows_named(self, tmp_path):
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        make = Maker(4)
        data = pd.DataFrame({"contact": [make.email() for _ in range(80)], "y": [0, 1] * 40})
        data["contact"] = [f"{at}{each}" for at, each in enumerate(data["contact"])]
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        model = make_pipeline(encoder, KNeighborsClassifier(3)).fit(
            data[["contact"]].astype(object), data["y"]
        )
        path = tmp_path / "model.pkl"
        path.write_bytes(pickle.dumps(model))
        data.assign(d=data["y"]).to_csv(tmp_path / "audit.csv", index=False)
        roles = {"audit": "audit.csv", "target": "y", "prediction": "d", "positive": 1}
        config = Config.of(folder=tmp_path, system={"model": "model.pkl"}, data=roles)
        card = trustkit.audit(config=config, only=[ID])  # without `trust` nothing is loaded
        findings = {each.id.removeprefix(f"{ID}:"): each for each in card.findings}
        assert findings["identifying:file=model.pkl:max"].verdict == "fail"
        assert "_fit_X" in findings["stored:file=model.pkl"].message

    def test_texts_of_files_that_are_no_pickles(self):
        levels = [Maker(at).email() for at in range(20)]
        texts = []
        report = scan(json.dumps({"learner": {}, "cats": levels}).encode(), texts=texts)
        assert "json" in report.facts["kinds"]
        assert {*levels} <= {*texts}
        assert column_of("", Values.of_texts(texts)).hits["email"].proven == len({*levels})


class TestDraws:
    def test_large_columns_are_drawn_and_it_is_said(self):
        n = MOST_ROWS + 50_000
        values = distinct(Frame.open(pd.DataFrame({"c": np.arange(n)})), "c", seed=1)
        assert len(values.texts) == MOST_VALUES
        assert values.rows == values.of == MOST_ROWS
        assert values.texts == distinct(Frame.open(pd.DataFrame({"c": np.arange(n)})), "c", seed=1).texts
        assert values.texts != distinct(Frame.open(pd.DataFrame({"c": np.arange(n)})), "c", seed=2).texts
        assert any("200,000 rows" in note and "seed 0" in note for note in contents_of().notes())

    @pytest.mark.parametrize(
        "categories",
        [pd.cut([0.5, 1.5, 1.7, np.nan], [0, 1, 2]), pd.Categorical(pd.period_range("2020-01", periods=4))],
    )
    def test_categories_of_intervals_and_periods_become_text(self, categories):
        values = distinct(Frame.open(pd.DataFrame({"c": categories}), key="data.audit"), "c")
        known = pd.Series(categories).dropna()
        assert values.texts == tuple(map(str, known.unique()))
        assert values.counts.tolist() == [int((known == each).sum()) for each in known.unique()]

    @pytest.mark.parametrize("kind", [str, float])
    def test_accounts_of_twenty_digits(self, kind):
        table = pd.DataFrame({"account": [kind(f"2020{n:016}") for n in range(10**14, 10**15, 10**13)]})
        ((_, column),) = columns_of(Frame.open(table, key="data.audit"), AUDIT).items()
        assert column.hits["bank-account"] == Hits(named=True, shaped=90, proven=0)

    def test_numbers_dates_bytes_and_lists_become_text(self):
        data = pd.DataFrame(
            {
                "n": [1.0, 2.5, None],
                "t": pd.to_datetime(["2020-01-02"] * 3),
                "l": [[1], [1], None],
                "b": [b"\xff\xd8", b"\xff\xd8", None],
            }
        )
        opened = Frame.open(data)
        assert distinct(opened, "n").texts == ("1", "2.5")
        assert distinct(opened, "t").texts == ("2020-01-02",)
        assert distinct(opened, "l").texts == ("[1]",)
        table = Frame.open(
            pa.table({"b": [b"\xff\xd8", None], "d": pa.array(["x", "y"]).dictionary_encode()})
        )
        assert distinct(table, "b").texts == ("\xff\xd8",)
        assert distinct(table, "d").texts == ("x", "y")
        assert distinct(table, "d").counts.tolist() == [1, 1]


class TestHostileInput:
    def seconds(self, values, name="c"):
        content = Content.of(name, Values.of_texts(values))
        started = time.perf_counter()
        examine(content, detectors())
        return time.perf_counter() - started

    @pytest.mark.parametrize(
        "text",
        [
            "a" * LONGEST,
            "a." * (LONGEST // 2),
            "@a" * (LONGEST // 2),
            "1 " * (LONGEST // 2),
            "1-" * (LONGEST // 2),
            "+1" * (LONGEST // 2),
            "Иванов " * (LONGEST // 7),
            "ул. " * (LONGEST // 4),
            "1 " + "ул а" * (LONGEST // 4),
            "KZ86 1234 " * (LONGEST // 10),
            "1.1" * (LONGEST // 3),
            "a:" * (LONGEST // 2),
            "://" * (LONGEST // 3),
            "P<" * (LONGEST // 2),
            "А́" * (LONGEST // 2),
            "паспорт " * (LONGEST // 8),
            "dob born " * (LONGEST // 9),
        ],
        ids=lambda text: text[:6].strip(),
    )
    def test_no_text_makes_the_search_explode(self, text):
        values = [f"{text[:-6]}{at:05}" for at in range(50)]
        assert self.seconds(values, "phone address name passport birth") < 3

    def test_a_huge_cell_is_cut(self):
        huge = "x" * 100_000_000
        started = time.perf_counter()
        values = distinct(Frame.open(pa.table({"c": pa.array([huge, "ok"], pa.large_string())})), "c")
        assert [len(text) for text in values.texts] == [LONGEST, 2]
        assert time.perf_counter() - started < 5

    def test_much_text_is_cut(self):
        values = Values.of_texts([f"{at:06}" + "x" * LONGEST for at in range(2000)])
        assert sum(map(len, values.texts)) <= MOST_TEXT
        assert values.of == 2000

    def test_invalid_unicode_is_survived(self):
        bad = pa.Array.from_buffers(
            pa.string(), 2, [None, pa.py_buffer(np.array([0, 2, 4], np.int32)), pa.py_buffer(b"\xff\xfeab")]
        )
        values = distinct(Frame.open(pa.table({"c": bad})), "c")
        assert values.texts == ("\ufffd\ufffd", "ab")
        lone = pd.DataFrame({"c": pd.Series(["\ud800a", "b"], dtype=object)})
        assert len(distinct(Frame.open(lone), "c").texts) == 2

    def test_many_marks_on_a_letter(self):
        started = time.perf_counter()
        plain(["a" + "\u0315\u0300" * 2000] * 500)
        assert time.perf_counter() - started < 3

    @pytest.mark.slow
    def test_ten_thousand_columns(self):
        data = pd.DataFrame(np.arange(30_000).reshape(3, -1), columns=[f"c{at}" for at in range(10_000)])
        started = time.perf_counter()
        found = columns_of(Frame.open(data), AUDIT)
        assert len(found) == 10_000
        assert time.perf_counter() - started < 60


@pytest.mark.parametrize("in_both", [False, True])
def test_a_control_that_its_owner_alone_can_settle_asks_for_his_word(in_both):
    table = pd.DataFrame({"mail": [f"user{i}@mail.tj" for i in range(200)], "d": [0, 1] * 100})
    keys = {"prediction": "d", "favorable": 1, "only": ["data-protection/personal-data"]}
    if in_both:
        keys["train"] = table[:100]
    card = trustkit.audit(data=table, **keys)
    [control] = [each for each in card.controls if each.id == "TK-DPR-01"]
    assert "its owner's word: share of identifying values of column=mail" in control.needs
    assert "more rows" not in control.needs
    [asked] = [each for each in card.findings if each.subject.get("column") == "mail"]
    assert 'options."data-protection/personal-data".declared' in asked.message
