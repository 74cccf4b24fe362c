# ruff: noqa: E501, PLR0915, RUF001, S311, SIM905 (a table of made-up values, one a line)
"""A labeled corpus of columns: identifiers in their local forms, and traps that look like them.

Every value is made up from a seed. A column is its name, the detectors that may
rightly speak of it (none for a trap), and its values.
"""

from __future__ import annotations

import base64
import random
import string
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

ROWS = 200


@dataclass(frozen=True)
class Labeled:
    """One column of the corpus."""

    title: str
    name: str
    kinds: tuple[str, ...]
    values: list[Any]


RU_MALE = "Алексей Борис Виктор Григорий Дмитрий Егор Захар Игорь Кирилл Леонид Матвей Никита Олег Пётр Роман".split()
RU_FEMALE = "Анна Вера Галина Дарья Елена Жанна Зоя Ирина Клара Лидия Марина Нина Ольга Полина Раиса".split()
RU_STEM = "Иван Петр Сидор Кузнец Смирн Попов Соколов Лебед Козл Новик Мороз Волк Павл Семён Голуб Виноград Богдан Воробь Фёдор Михайл".split()
RU_FATHER = "Александр Борис Виктор Иван Михаил Николай Павел Сергей Степан Фёдор".split()
TJ_GIVEN = "Фаррух Далер Сомон Бахтиёр Зафар Рустам Ҷамшед Шодӣ Манижа Зарина Мехрона Нигора Ситора Парвина Гулрухсор".split()
TJ_LAST = "Раҳмон Саид Шариф Назар Карим Ҳаким Қодир Латиф Мирзо Ғафур".split()
UZ_GIVEN = "Aziz Bobur Dilshod Jasur Otabek Sardor Shavkat Temur Ulug‘bek Dilnoza Feruza Gulnora Kamola Nigora Zulfiya".split()
UZ_LAST = "Karimov Rahimov Yusupov Tursunov Abdullayev Ismoilov Qodirov Nazarov Saidov Xolmatov".split()
KZ_GIVEN = "Нұрлан Ерлан Данияр Арман Айдос Серік Бауыржан Айгүл Динара Жанар Әсел Гүлнар Мәдина Қуаныш Тимур".split()
KZ_FATHER = "Серік Болат Қайрат Марат Ержан Асқар Талғат Нұрлан Бекзат Мұрат".split()
KG_GIVEN = "Азамат Бакыт Нурбек Эркин Айбек Талант Чынара Гүлзат Бермет Айпери Мээрим Жаркын Канат Улан Нургүл".split()
KG_FATHER = "Асан Болот Кубат Эсен Темир Жолдош Ырыс Сагын Мамбет Токтогул".split()
TM_GIVEN = "Batyr Merdan Myrat Serdar Döwlet Maral Jeren Bahar Oguljan Mähri".split()
TM_FATHER = "Aman Gurban Berdi Nury Çary Orazmyrat Hojamyrat Annam Saparm Kakajan".split()
EN_GIVEN = "James Mary Robert Patricia John Jennifer Michael Linda William Sarah David Karen Thomas Nancy Daniel".split()
EN_LAST = (
    "Smith Johnson Brown Taylor Miller Davis Wilson Moore Clark Lewis Walker Hall Young King Wright".split()
)
AR_GIVEN = "محمد احمد علی حسن حسین فاطمه مریم رضا کریم رحیم".split()
AR_LAST = "احمدزاده کریمی رحیمی نوری محمدی حسینی یوسفزی قاسمی صادقپور جعفری عزیزی نظری".split()
CITIES_RU = "Ростов Киев Псков Саратов Тамбов Москва Казань Уфа Пермь Омск Томск Душанбе Худжанд Бишкек Ош Алматы Астана".split()


class Maker:
    """Values from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def digits(self, n: int, first: str = "123456789") -> str:
        """A number of n digits."""
        return self.random.choice(first) + "".join(self.random.choices("0123456789", k=n - 1))

    def day(self, start: int = 1950, end: int = 2005) -> date:
        """A day between two years."""
        return date(start, 1, 1) + timedelta(days=self.random.randrange(365 * (end - start)))

    def of(self, *several: Any) -> Any:
        """One of several."""
        return self.random.choice(several)

    def one(self, several: Any) -> Any:
        """One of a sequence."""
        return self.random.choice(several)

    # numbers

    def iin(self, start: int = 1950, end: int = 2005) -> str:
        """A Kazakh IIN, by the order's words: a second series of weights where the first leaves 10."""
        while True:
            day = self.day(start, end)
            stem = f"{day:%y%m%d}{(3 if day.year < 2000 else 5) + self.random.randrange(2)}{self.digits(4, '0123')}"
            check = _weighted(stem, [*range(1, 12)]) % 11
            if check == 10:
                check = _weighted(stem, [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11
            if check != 10:
                return f"{stem}{check}"

    def bin(self) -> str:
        """A Kazakh BIN."""
        while True:
            stem = f"{self.random.randrange(24):02}{self.random.randrange(1, 13):02}{self.one('456')}{self.one('0123')}{self.digits(5)}"
            check = _weighted(stem, [*range(1, 12)]) % 11
            if check < 10:
                return f"{stem}{check}"

    def pinfl(self) -> str:
        """An Uzbek PINFL."""
        day = self.day()
        stem = f"{(3 if day.year < 2000 else 5) + self.random.randrange(2)}{day:%d%m%y}{self.random.randrange(1, 999):03}{self.random.randrange(1, 999):03}"
        return f"{stem}{_weighted(stem, [7, 3, 1] * 5) % 10}"

    def inn10(self) -> str:
        """An INN of a firm."""
        stem = f"{self.random.randrange(1, 93):02}{self.digits(7)}"
        return f"{stem}{_weighted(stem, [2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10}"

    def inn12(self) -> str:
        """An INN of a person."""
        stem = f"{self.random.randrange(1, 93):02}{self.digits(8)}"
        stem += str(_weighted(stem, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10)
        return f"{stem}{_weighted(stem, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10}"

    def snils(self) -> str:
        """A SNILS, bare."""
        stem = self.digits(9)
        return f"{stem}{_weighted(stem, [*range(9, 0, -1)]) % 101 % 100:02}"

    def ogrn(self, digits: int) -> str:
        """An OGRN of 13 digits, of an entrepreneur 15."""
        stem = f"{'1' if digits == 13 else '3'}{self.random.randrange(3, 24):02}{self.random.randrange(1, 93):02}{self.digits(digits - 6)}"
        return f"{stem}{int(stem) % (digits - 2) % 10}"

    def luhn(self, prefix: str, length: int) -> str:
        """A number whose last digit agrees by Luhn."""
        stem = prefix + self.digits(length - 1 - len(prefix), "0123456789")
        total = sum(int(d) if i % 2 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(reversed(stem)))
        return f"{stem}{-total % 10}"

    def card(self) -> str:
        """A card number."""
        return self.luhn(self.of("4", "51", "55", "2202", "8600", "9860", "62"), 16)

    def iban(self, country: str = "KZ", bank: str = "125KZT") -> str:
        """An IBAN."""
        account = bank + self.digits(10)
        text = f"{account}{country}00"
        return f"{country}{98 - int(''.join(str(int(c, 36)) for c in text)) % 97:02}{account}"

    def tckn(self) -> str:
        """A Turkish identity number."""
        d = [int(each) for each in self.digits(9)]
        d.append((7 * sum(d[::2]) - sum(d[1::2])) % 10)
        return "".join(map(str, [*d, sum(d) % 10]))

    def mrz(self) -> str:
        """Both lines of a passport's machine-readable zone."""
        number = self.of("N", "A") + self.digits(8)
        birth, expiry = f"{self.day():%y%m%d}", f"{self.day(2025, 2034):%y%m%d}"
        parts = [part + str(_mrz_check(part)) for part in (number, birth, expiry)]
        name = f"P<KAZ{self.one(EN_LAST).upper()}<<{self.one(EN_GIVEN).upper()}"
        return f"{name:<<44} {parts[0]}KAZ{parts[1]}{self.of('M', 'F')}{parts[2]}{'<' * 14}00"

    # persons

    def russian(self) -> tuple[str, str, str]:
        """Surname, given name and patronymic."""
        if self.random.random() < 0.5:
            return self.one(RU_STEM) + "ов", self.one(RU_MALE), self.one(RU_FATHER) + "ович"
        return self.one(RU_STEM) + "ова", self.one(RU_FEMALE), self.one(RU_FATHER) + "овна"

    def tajik(self) -> str:
        """Surname and given name."""
        return f"{self.one(TJ_LAST)}зода {self.one(TJ_GIVEN)}"

    def kazakh(self) -> str:
        """Given name and patronymic of our days."""
        return f"{self.one(KZ_GIVEN)} {self.one(KZ_FATHER)}"

    def english(self) -> str:
        """Given name and surname."""
        return f"{self.one(EN_GIVEN)} {self.one(EN_LAST)}"

    def email(self) -> str:
        """An e-mail address."""
        name = f"{self.one(EN_GIVEN)}.{self.one(EN_LAST)}{self.random.randrange(99)}".lower()
        return f"{name}@{self.of('mail.ru', 'example.com', 'gmail.com', 'post.tj', 'inbox.uz')}"

    def word(self, n: int = 6) -> str:
        """A word of small letters."""
        return "".join(self.random.choices(string.ascii_lowercase, k=n))

    def in_groups(self, text: str, *sizes: int, by: str = " ") -> str:
        """A text in groups of these sizes."""
        parts = []
        for size in sizes:
            parts.append(text[:size])
            text = text[size:]
        return by.join(parts)

    def remark(self) -> str:
        """A sentence with nothing of a person in it."""
        return f"{self.of('Оплата', 'Звонок', 'Заявка', 'Возврат')} {self.of('принята', 'отклонена', 'в работе')}, {self.of('филиал', 'касса', 'склад')} {self.random.randrange(1, 40)}"


def corpus(seed: int = 0) -> list[Labeled]:
    """Every column of the corpus."""
    make = Maker(seed)
    made = [
        Labeled(title, name, kinds, values)
        for title, name, kinds, values in [*_identifiers(make), *_traps(make)]
    ]
    assert len({each.name for each in made}) == len(made)
    return made


def frame(columns: list[Labeled]) -> pd.DataFrame:
    """The columns as a table."""
    return pd.DataFrame({each.name: pd.Series(each.values) for each in columns})


def _weighted(stem: str, weights: list[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(stem, weights, strict=False))


def _mrz_check(text: str) -> int:
    return sum((0 if c == "<" else int(c, 36)) * (7, 3, 1)[i % 3] for i, c in enumerate(text)) % 10


def _rows(value: Any) -> list[Any]:
    return [value() for _ in range(ROWS)]


def _identifiers(m: Maker) -> Any:
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    alike = str.maketrans("KTABEMHOPC", "КТАВЕМНОРС")
    iin, pinfl = ("kz-iin",), ("uz-pinfl",)
    yield "IIN", "c1", iin, _rows(m.iin)
    yield "IIN as integers", "c2", iin, _rows(lambda: int(m.iin(1960, 1999)))
    yield (
        "IIN as floats, some missing",
        "c3",
        iin,
        [*_rows(lambda: float(m.iin(1960, 1999)))[:-5], *[None] * 5],
    )
    yield "IIN without leading zeros", "c4", iin, _rows(lambda: int(m.iin(2000, 2009)))
    yield "IIN with no-break spaces", "c5", iin, _rows(lambda: m.in_groups(m.iin(), 6, 6, by="\u00a0"))
    yield "IIN with thin spaces", "c6", iin, _rows(lambda: m.in_groups(m.iin(), 3, 3, 3, 3, by="\u2009"))
    yield "IIN in Arabic-Indic digits", "c7", iin, _rows(lambda: m.iin().translate(arabic))
    yield "IIN in remarks", "c8", iin, _rows(lambda: f"{m.remark()}; ИИН {m.iin()}, проверен")
    yield "IIN as text of a float", "c9", iin, _rows(lambda: f"{m.iin()}.0")
    yield "BIN", "client_bin", ("kz-bin",), _rows(m.bin)
    yield "PINFL", "c11", pinfl, _rows(m.pinfl)
    yield "PINFL as floats", "c12", pinfl, _rows(lambda: float(m.pinfl()))
    yield "PINFL among text", "c13", pinfl, _rows(lambda: f"JSHSHIR: {m.pinfl()}")
    yield "STIR", "STIR", ("uz-stir",), _rows(lambda: m.digits(9, "4567"))
    yield "Kyrgyz PIN", "ПИН", ("kg-pin",), _rows(lambda: f"{m.of(1, 2)}{m.day():%d%m%Y}{m.digits(5)}")
    yield "Tajik INN", "РМА", ("tj-inn",), _rows(lambda: "0" + m.digits(8))
    yield "INN of persons", "c17", ("ru-inn-12",), _rows(m.inn12)
    yield "INN of persons as integers", "ИНН клиента", ("ru-inn-12",), _rows(lambda: int(m.inn12()))
    yield "INN of firms", "c19", ("ru-inn-10",), _rows(m.inn10)
    yield "OGRN", "c20", ("ru-ogrn",), _rows(lambda: m.ogrn(13))
    yield "OGRN of entrepreneurs", "c21", ("ru-ogrnip",), _rows(lambda: m.ogrn(15))
    yield (
        "SNILS as written",
        "c22",
        ("ru-snils",),
        _rows(lambda: f"{(s := m.snils())[:3]}-{s[3:6]}-{s[6:9]} {s[9:]}"),
    )
    yield "SNILS as integers", "c23", ("ru-snils",), _rows(lambda: int(m.snils()))
    yield "Turkish identity number", "c24", ("tr-tckn",), _rows(m.tckn)
    yield (
        "Social security number",
        "SSN",
        ("national-id",),
        _rows(lambda: f"{m.digits(3, '1234')}-{m.digits(2)}-{m.digits(4)}"),
    )
    yield (
        "National id of a country not known",
        "national_id",
        ("national-id",),
        _rows(lambda: m.of("A", "B", "C") + m.digits(8)),
    )
    passport = ("passport",)
    yield (
        "Russian passport",
        "паспорт_номер",
        passport,
        _rows(lambda: f"{m.digits(2)} {m.digits(2)} {m.digits(6)}"),
    )
    yield "Uzbek passport", "passport", passport, _rows(lambda: m.of("AA", "AB", "AC") + m.digits(7))
    yield "Tajik passport", "шиноснома", passport, _rows(lambda: "A" + m.digits(8))
    yield "Turkmen passport", "pasport", passport, _rows(lambda: f"I-AS {m.digits(6)}")
    yield (
        "Passport in Cyrillic look-alikes",
        "passport_no",
        passport,
        _rows(lambda: m.of("АА", "АВ", "АС") + m.digits(7)),
    )
    yield (
        "Passport in remarks",
        "remarks",
        passport,
        _rows(lambda: f"{m.remark()}, паспорт {m.digits(4)} {m.digits(6)}"),
    )
    yield "Machine-readable zone", "c33", ("mrz",), _rows(m.mrz)
    iban = ("iban",)
    yield "IBAN", "c34", iban, _rows(m.iban)
    yield "IBAN in groups", "c35", iban, _rows(lambda: m.in_groups(m.iban(), 4, 4, 4, 4, 4))
    yield "IBAN in look-alikes", "c36", iban, _rows(lambda: m.iban().translate(alike))
    yield "Georgian IBAN in text", "c37", iban, _rows(lambda: f"to {m.iban('GE', 'NB000000')} today")
    yield "Bank account", "р/с", ("bank-account",), _rows(lambda: m.digits(20))
    card = ("card",)
    yield "Card", "c39", card, _rows(m.card)
    yield "Card in groups", "c40", card, _rows(lambda: m.in_groups(m.card(), 4, 4, 4, 4))
    yield "Card with hyphens", "c41", card, _rows(lambda: m.in_groups(m.card(), 4, 4, 4, 4, by="-"))
    yield "Card as integers", "c42", card, _rows(lambda: int(m.card()))
    email = ("email",)
    yield "E-mail", "c43", email, _rows(m.email)
    yield "E-mail in remarks", "c44", email, _rows(lambda: f"{m.remark()}, писать на {m.email()}.")
    phone = ("phone",)
    yield "Phone of Tajikistan", "c45", phone, _rows(lambda: f"+992{m.of(91, 92, 93, 55)}{m.digits(7)}")
    yield (
        "Phone of Uzbekistan in groups",
        "c46",
        phone,
        _rows(lambda: f"+998 {m.of(90, 91, 93, 97)} {m.digits(3)} {m.digits(2)} {m.digits(2)}"),
    )
    yield (
        "Phone of Kyrgyzstan",
        "c47",
        phone,
        _rows(lambda: f"+996 ({m.of(700, 555, 772)}) {m.digits(2)}-{m.digits(2)}-{m.digits(2)}"),
    )
    yield (
        "Phone of Turkmenistan",
        "c48",
        phone,
        _rows(lambda: f"+993 {m.of(61, 62, 63, 64, 65)} {m.digits(6)}"),
    )
    yield (
        "Phone of Kazakhstan",
        "c49",
        phone,
        _rows(lambda: f"+7 ({m.of(701, 702, 705, 777)}) {m.digits(3)}-{m.digits(2)}-{m.digits(2)}"),
    )
    yield (
        "Phone of Russia by its trunk",
        "c50",
        phone,
        _rows(lambda: f"8 (9{m.digits(2)}) {m.digits(3)}-{m.digits(2)}-{m.digits(2)}"),
    )
    yield "Phone of Afghanistan", "c51", phone, _rows(lambda: f"+93{m.of(70, 77, 79)}{m.digits(7)}")
    yield "Phone of elsewhere", "c52", phone, _rows(lambda: f"+44 20 {m.digits(4)} {m.digits(4)}")
    yield (
        "Phone as integers",
        "c53",
        phone,
        _rows(lambda: int(f"998{m.of(90, 91, 93, 94, 97, 99)}{m.digits(7)}")),
    )
    yield (
        "Phone as floats",
        "c54",
        phone,
        _rows(lambda: float(f"7{m.of(701, 702, 705, 747, 777, 778)}{m.digits(7)}")),
    )
    yield "Phone of nine digits", "телефон", phone, _rows(lambda: f"{m.of(90, 91, 92, 93)}{m.digits(7)}")
    yield (
        "Phone in remarks",
        "c56",
        phone,
        _rows(
            lambda: f"{m.remark()}, перезвонить +992 {m.of(91, 93)} {m.digits(3)}-{m.digits(2)}-{m.digits(2)}"
        ),
    )
    address = ("address",)
    yield (
        "Address in Russian",
        "c57",
        address,
        _rows(
            lambda: (
                f"г. {m.one(CITIES_RU)}, ул. {m.one(RU_STEM)}а, д. {m.random.randrange(1, 99)}, кв. {m.random.randrange(1, 99)}"
            )
        ),
    )
    yield (
        "Address in Tajik",
        "суроға",
        address,
        _rows(lambda: f"ш. Душанбе, кӯчаи {m.one(TJ_LAST)}ӣ {m.random.randrange(1, 99)}"),
    )
    yield (
        "Address in Uzbek",
        "c59",
        address,
        _rows(lambda: f"Toshkent sh., {m.one(UZ_LAST)} ko‘chasi, {m.random.randrange(1, 99)}-uy"),
    )
    yield (
        "Address in Kazakh",
        "c60",
        address,
        _rows(lambda: f"Алматы қ., {m.one(KZ_FATHER)} көшесі {m.random.randrange(1, 99)}"),
    )
    yield (
        "Address in English",
        "home_address",
        address,
        _rows(
            lambda: f"{m.random.randrange(1, 999)} {m.one(EN_LAST)} Street, Apt {m.random.randrange(1, 40)}"
        ),
    )
    person = ("person-name",)
    yield "Russian names", "c62", person, _rows(lambda: " ".join(m.russian()))
    yield "Russian names in capitals", "c63", person, _rows(lambda: " ".join(m.russian()).upper())
    yield (
        "Surname and initials",
        "c64",
        person,
        _rows(lambda: f"{(n := m.russian())[0]} {n[1][0]}. {n[2][0]}."),
    )
    yield "Surnames", "фамилия", person, _rows(lambda: m.russian()[0])
    yield "Tajik names", "ному насаб", person, _rows(m.tajik)
    yield "Tajik names without a title", "c67", person, _rows(m.tajik)
    yield (
        "Uzbek names",
        "c68",
        person,
        _rows(lambda: f"{m.one(UZ_LAST)} {m.one(UZ_GIVEN)} {m.one(UZ_GIVEN)} {m.of('o‘g‘li', 'qizi')}"),
    )
    yield "Kazakh names", "c69", person, _rows(lambda: m.kazakh() + m.of("ұлы", "қызы"))
    yield "Kazakh names, called so", "аты-жөні", person, _rows(m.kazakh)
    yield (
        "Kyrgyz names",
        "c71",
        person,
        _rows(lambda: f"{m.one(KG_FATHER)} {m.of('уулу', 'кызы')} {m.one(KG_GIVEN)}"),
    )
    yield "Turkmen names", "ady", person, _rows(lambda: f"{m.one(TM_GIVEN)} {m.one(TM_FATHER)}ow")
    yield "Names in Arabic script", "c73", person, _rows(lambda: f"{m.one(AR_GIVEN)} {m.one(AR_LAST)}")
    yield "English names", "c74", person, _rows(m.english)
    yield "English given names", "first_name", person, _rows(lambda: m.one(EN_GIVEN))
    yield "Names in small letters", "customerName", person, _rows(lambda: m.english().lower())
    birth = ("birth-date",)
    yield "Date of birth", "dob", birth, _rows(lambda: m.day().isoformat())
    yield "Date of birth in Russian", "дата рождения", birth, _rows(lambda: f"{m.day():%d.%m.%Y}")
    yield "Date of birth as a date", "birthDate", birth, _rows(lambda: pd.Timestamp(m.day()))
    yield (
        "Date of birth in remarks",
        "c80",
        birth,
        _rows(lambda: f"{m.one(EN_GIVEN)}, born {m.day():%d.%m.%Y}"),
    )
    yield (
        "IPv4",
        "c81",
        ("ip",),
        _rows(
            lambda: (
                f"{m.random.randrange(11, 223)}.{m.random.randrange(256)}.{m.random.randrange(10, 256)}.{m.random.randrange(256)}"
            )
        ),
    )
    yield (
        "IPv6",
        "c82",
        ("ip",),
        _rows(lambda: "2001:db8:" + ":".join(f"{m.random.randrange(65536):x}" for _ in range(6))),
    )
    yield "MAC", "c83", ("mac",), _rows(lambda: ":".join(f"{m.random.randrange(256):02x}" for _ in range(6)))
    yield "IMEI", "c84", ("imei",), _rows(lambda: m.luhn(m.of("35", "86"), 15))
    yield "Device id", "device_id", ("device-id",), _rows(lambda: f"{m.random.getrandbits(64):016x}")
    yield (
        "Link with user and password",
        "c86",
        ("account-link",),
        _rows(lambda: f"https://{m.word()}:{m.word()}@host.example/x"),
    )
    yield "Profile link", "c87", ("account-link",), _rows(lambda: f"https://www.instagram.com/{m.word(8)}")
    yield "Latitude", "lat", ("position",), _rows(lambda: round(m.random.uniform(37, 42), 6))
    yield "Longitude", "Longitude", ("position",), _rows(lambda: round(m.random.uniform(60, 75), 5))
    yield (
        "Position as a pair",
        "c90",
        ("position",),
        _rows(lambda: f"{m.random.uniform(37, 42):.5f}, {m.random.uniform(60, 75):.5f}"),
    )
    yield (
        "Russian plates",
        "госномер",
        ("plate",),
        _rows(lambda: f"{m.one('АВЕКМНОРСТУХ')}{m.digits(3)}{m.one('АВЕКМ')}{m.one('АВЕКМ')}{m.digits(2)}"),
    )
    yield (
        "Kazakh plates",
        "plate_number",
        ("plate",),
        _rows(
            lambda: (
                f"{m.digits(3)}{m.one('ABCD')}{m.one('ABCD')}{m.one('ABCD')}{m.random.randrange(1, 20):02}"
            )
        ),
    )
    yield "Pictures", "c93", ("picture",), _rows(lambda: b"\xff\xd8\xff\xe0" + m.random.randbytes(40))
    yield (
        "Pictures in base 64",
        "c94",
        ("picture",),
        _rows(lambda: base64.b64encode(b"\xff\xd8\xff\xe0" + m.random.randbytes(60)).decode()),
    )
    yield (
        "Vectors of faces",
        "face_embedding",
        ("picture",),
        _rows(lambda: [round(m.random.gauss(0, 1), 4) for _ in range(32)]),
    )


def _traps(m: Maker) -> Any:
    def row(title: str, name: str, values: list[Any]) -> tuple[str, str, tuple[str, ...], list[Any]]:
        return title, name, (), values

    start = 1_700_000_000
    yield row("Unix time", "t1", _rows(lambda: start + m.random.randrange(10**7)))
    yield row("Unix time in milliseconds", "t2", _rows(lambda: start * 1000 + m.random.randrange(10**10)))
    yield row("Unix time in microseconds", "t3", _rows(lambda: start * 10**6 + m.random.randrange(10**13)))
    yield row(
        "YYMMDDHHMMSS",
        "t4",
        _rows(
            lambda: (
                f"{m.day(2015, 2025):%y%m%d}{m.random.randrange(24):02}{m.random.randrange(60):02}{m.random.randrange(60):02}"
            )
        ),
    )
    yield row(
        "YYYYMMDDHHMMSS",
        "t5",
        _rows(
            lambda: (
                f"{m.day(2015, 2025):%Y%m%d}{m.random.randrange(24):02}{m.random.randrange(60):02}{m.random.randrange(60):02}"
            )
        ),
    )
    yield row("Order numbers that count up", "order_no", [100200300000 + 7 * at for at in range(ROWS)])
    yield row("Order numbers by day", "t7", _rows(lambda: f"{m.day(2015, 2025):%y%m%d}{m.digits(6, '3456')}"))
    for length in (8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20):
        yield row(f"Ids of {length} digits", f"id{length}", _rows(lambda length=length: m.digits(length)))
    yield row("Ids of 12 digits as floats", "t12f", _rows(lambda: float(m.digits(12))))
    yield row("Sums of ten digits that end in zeros", "t10z", _rows(lambda: int(m.digits(7)) * 1000))
    yield row("Barcodes", "ean", _rows(lambda: _ean(m.digits(12))))
    yield row("Product codes", "sku", _rows(lambda: f"{m.word(2).upper()}-{m.digits(4)}-{m.one('ABC')}"))
    yield row("Article numbers", "t21", _rows(lambda: f"{m.digits(3)}-{m.digits(2)}-{m.digits(4)}"))
    yield row("SHA-256", "sha256", _rows(lambda: f"{m.random.getrandbits(256):064x}"))
    yield row("MD5", "email_hash", _rows(lambda: f"{m.random.getrandbits(128):032x}"))
    yield row("Random UUIDs", "row_uuid", _rows(lambda: _uuid(m.random.getrandbits(128))))
    yield row("Prices", "price", _rows(lambda: round(m.random.uniform(1, 1e6), 2)))
    yield row(
        "Prices with spaces",
        "t26",
        _rows(lambda: f"{m.random.randrange(10**6, 10**9):,}".replace(",", "\u00a0") + " ₸"),
    )
    yield row("Shares", "share", _rows(m.random.random))
    yield row("Measurements", "t28", _rows(lambda: f"{m.random.gauss(50, 9):.6f}"))
    yield row("Chess results", "result", _rows(lambda: m.of("1-0", "0-1", "½-½", "1–0", "0–1")))
    yield row(
        "Chess games",
        "moves",
        _rows(lambda: f"1. e4 e5 2. Nf3 Nc6 3. B{m.one('abcdef')}{m.one('12345678')} {m.of('1-0', '0-1')}"),
    )
    yield row(
        "Versions",
        "app_version",
        _rows(
            lambda: (
                f"{m.random.randrange(12)}.{m.random.randrange(30)}.{m.random.randrange(99)}.{m.random.randrange(255)}"
            )
        ),
    )
    yield row(
        "Short versions",
        "t32",
        _rows(lambda: f"v{m.random.randrange(12)}.{m.random.randrange(30)}.{m.random.randrange(99)}"),
    )
    yield row("Days of events", "event_date", _rows(lambda: m.day(2015, 2025).isoformat()))
    yield row(
        "Times of events",
        "created_at",
        _rows(
            lambda: (
                f"{m.day(2015, 2025)} {m.random.randrange(24):02}:{m.random.randrange(60):02}:{m.random.randrange(60):02}"
            )
        ),
    )
    yield row(
        "Times with zone",
        "t35",
        _rows(
            lambda: f"{m.day(2015, 2025)}T{m.random.randrange(24):02}:{m.random.randrange(60):02}:00+05:00"
        ),
    )
    yield row("Postal codes", "zip", _rows(lambda: m.digits(6)))
    yield row("Cities", "city", _rows(lambda: m.one(CITIES_RU)))
    yield row("Cities without a title", "t38", _rows(lambda: m.one(CITIES_RU)))
    yield row(
        "Products",
        "product_name",
        _rows(
            lambda: (
                f"{m.of('Samsung', 'Apple', 'Xiaomi')} {m.of('Galaxy', 'Phone', 'Note')} {m.random.randrange(1, 30)}"
            )
        ),
    )
    yield row(
        "Products without a title",
        "t40",
        _rows(
            lambda: (
                f"{m.of('Summit', 'Golden', 'Royal', 'Silver')} {m.of('Coffee', 'Tea', 'Chocolate', 'Honey')} {m.of('Classic', 'Extra', 'Gold')}"
            )
        ),
    )
    yield row(
        "Firms",
        "t41",
        _rows(lambda: f"ООО «{m.of('Ромашка', 'Вектор', 'Альфа', 'Прогресс')}-{m.random.randrange(99)}»"),
    )
    yield row(
        "Professions",
        "occupation",
        _rows(
            lambda: m.of(
                "Senior Data Analyst", "Software Engineer", "Truck Driver", "Head of Sales", "Повар", "Врач"
            )
        ),
    )
    yield row("Remarks", "t43", _rows(m.remark))
    yield row(
        "Reviews",
        "review",
        _rows(
            lambda: (
                f"{m.of('Good', 'Bad', 'Fair')} service, waited {m.random.randrange(60)} minutes, would {m.of('come', 'not come')} again."
            )
        ),
    )
    yield row(
        "Phone models",
        "phone_model",
        _rows(lambda: f"{m.of('A', 'S', 'X')}{m.random.randrange(10, 99)} {m.digits(7)}"),
    )
    yield row("Kinds of address", "address_type", _rows(lambda: m.of("home", "work", "billing")))
    yield row("Kinds of card", "card_type", _rows(lambda: m.of("visa", "mir", "humo")))
    yield row("Flights", "flight", _rows(lambda: f"{m.of('HY', 'SU', 'KC')}{m.digits(3)}"))
    yield row("Sizes", "size", _rows(lambda: f"{m.digits(3)}-{m.digits(2)}-{m.digits(2)}"))
    yield row("Colors", "color", _rows(lambda: f"#{m.random.randrange(16**6):06x}"))
    yield row("Years", "year", _rows(lambda: m.random.randrange(1950, 2025)))
    yield row("Truths", "flag", _rows(lambda: m.random.random() < 0.5))
    yield row("JSON", "payload", _rows(lambda: f'{{"a": {m.random.randrange(10**6)}, "b": "{m.word()}"}}'))
    yield row("Paths", "path", _rows(lambda: f"/var/{m.word()}/{m.word()}.csv"))
    yield row("Plain links", "url", _rows(lambda: f"https://example.com/{m.word()}?id={m.digits(8)}"))
    yield row("Mentions", "t56", _rows(lambda: f"@{m.word()} {m.of('yes', 'no')}"))
    yield row("Latitudes to a hundredth", "lat_rounded", _rows(lambda: round(m.random.uniform(37, 42), 2)))
    yield row("Base 64", "token_b64", _rows(lambda: base64.b64encode(m.random.randbytes(30)).decode()))
    yield row("Names of files", "имя файла", _rows(lambda: m.of("Отчёт", "Сводка", "Акт")))
    yield row("Names of goods", "mahsulot nomi", _rows(lambda: m.of("Non", "Sut", "Guruch", "Choy")))
    yield row("Returns", "long_return", _rows(lambda: round(m.random.gauss(0, 1), 5)))
    yield row("Scores called geo", "geo_score", _rows(m.random.random))
    yield row("Kinds of fish", "fish_species", _rows(lambda: m.of("Salmon", "Trout", "Carp")))
    yield row("Vectors", "weights", _rows(lambda: [round(m.random.gauss(0, 1), 4) for _ in range(32)]))
    yield row("Numbers from a normal law", "z", np.random.default_rng(1).normal(size=ROWS).tolist())


def _ean(stem: str) -> str:
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(stem))
    return f"{stem}{-total % 10}"


def _uuid(bits: int) -> str:
    text = f"{bits:032x}"
    return "-".join((text[:8], text[8:12], f"4{text[13:16]}", f"a{text[17:20]}", text[20:]))
