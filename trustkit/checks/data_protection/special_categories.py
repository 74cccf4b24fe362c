"""Are special categories of personal data held or used only where a ground is declared?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.contents import AUDIT, PROXY, TRAIN, UNSURE, Column, Contents, Hits
from trustkit.measure.intervals import Certain, OneOf

FAMILY = "special"

_MOST_VALUES, _MANY_VALUES, _MANY = 0.5, 0.1, 20
"""Shares of values from which on a column speaks of a category: of any column, and where many do."""

_CLEARED = 'options."data-protection/special-categories".cleared'


@dataclass(frozen=True)
class Sign:
    """What a column was found to tell.

    Attributes
    ----------
    category : str
        As a ground names it.
    ground : str
        By what it was found: the column's name, its values, both.
    is_sure : bool
        Whether by an unambiguous name, or by the name and the values both.
    """

    category: str
    ground: str
    is_sure: bool


@check(
    version="1",
    metrics={
        "uncovered": Metric(
            "special category without a ground",
            "count",
            "1 where a column holds a special category of personal data and no ground is declared for it, "
            "else 0; undecided, from 0 to 1, where that is not sure",
        ),
        "held": Metric(
            "columns held for the audit of bias alone",
            "count",
            "declared sensitive, no input of the model, and without a ground of their own",
        ),
        "possible": Metric(
            "columns that may hold a special category",
            "count",
            "no input of the model, and found by a word of two meanings or by their values alone",
        ),
        "proxies": Metric(
            "columns that a special category may be told from",
            "count",
            "by the column's name or values: of inputs and others alike",
        ),
        "unfound": Metric(
            "grounds for which no column was found",
            "count",
            "categories in `data.grounds` that nothing tells",
        ),
    },
)
def special_categories(contents: Contents, *, cleared: Mapping[str, str] | None = None) -> Iterator[Estimate]:
    """Are special categories of personal data held or used only where a ground is declared?

    Every column of the audited and the training rows is searched for health,
    race or ethnic origin, religion or belief, political opinions, trade union
    membership, sex life, genetic and biometric data, convictions and data of
    children: by the words of its name in English, Russian, Tajik, Uzbek,
    Kazakh, Kyrgyz and Turkmen, in either script, and by its values. A proxy,
    as birthplace, nationality, mother tongue, diet or medication, is told from
    a category. Sex, age and the number of children are none.

    Formula
    -------
    A column is found by its name, by its values where half of the distinct
    ones, or a tenth and 20 of them, are words or codes of the category, or by
    both. It is sure where the name has one meaning, or where a name of two is
    borne out by the values.

    Why it matters
    --------------
    Such data may be processed on few grounds alone. An input by which a model
    learns of illness, origin or belief is what a person is treated worse for.

    When it misleads
    ----------------
    Abbreviations, codes without a name and words of other languages are not
    found; names of two meanings are asked about. Whether a declared ground is
    a lawful one is not for a tool to say. Proxies are those that a name or
    value tells; `bias/proxies` measures the others.

    How to read
    -----------
    A sure column among the inputs or outcomes fails without a ground in
    ``[data.grounds]``. One that is no input is *inconclusive*, as is what is
    not sure: declare a ground, drop the column, or, where it is something
    else, say so in the option ``cleared``, ``{ column = "what it is" }``. A
    sensitive column that is no input is held to find bias, and shown.

    Remedy
    ------
    Drop the column, or declare in ``[data.grounds]`` on which ground the
    category is held; keep what only the audit needs out of the inputs.

    References
    ----------
    A/RES/78/265 6(j) and 6(e); GDPR, Art. 9 and 10, Recital 38; EU AI Act, Art. 10(5); CJEU C-184/20.
    """
    titles = {name: str(each["title"]) for name, each in contents.of_family(FAMILY).items()}
    columns = _columns(contents)
    if not titles or not columns:
        raise NotApplicable("no column was searched for special categories")
    said = cleared or {}
    signs = {name: list(_signs(column, titles)) for name, column in columns.items()}
    grounds = contents.schema.get("grounds", {})
    judged = {name: _worst(contents, name, found, grounds) for name, found in signs.items() if found}
    shown = {name: place for name, (place, _) in judged.items() if name not in said}
    clean = len(columns)
    for name, (place, sign) in judged.items():
        if place not in _JUDGED and name not in said:
            continue
        clean -= 1
        column = columns[name]
        known = f"{titles[sign.category]}, by {sign.ground}"
        if name in said:
            yield _estimate(name, column, 0.0, f"{known}; cleared: {said[name]}")
        elif place == _COVERED:
            yield _estimate(name, column, 0.0, f"{known}; ground: {grounds[sign.category]}")
        elif place == _USED:
            yield _estimate(name, column, 1.0, f"{known}; {_use(contents, name)}")
        else:
            yield _undecided(name, column, f"{known}; {_use(contents, name)}. {_asked(sign)}")
    if clean:
        yield replace(
            fact("uncovered", 0.0, clean, {"columns": "all others"}),
            note=f"{clean:,} of {len(columns):,}: none is judged to hold one",
        )
    yield from _listed("held", [f"{name} ({judged[name][1].category})" for name in _of(shown, _HELD)])
    yield from _listed("possible", [f"{name} ({judged[name][1].category})" for name in _of(shown, _POSSIBLE)])
    yield from _listed("proxies", list(_proxies(columns)))
    found = {sign.category for each in signs.values() for sign in each}
    yield from _listed("unfound", [category for category in grounds if category not in found])


_USED, _OPEN, _COVERED, _HELD, _POSSIBLE = "used", "open", "covered", "held", "possible"
_JUDGED = (_USED, _OPEN, _COVERED)


def _columns(contents: Contents) -> dict[str, Column]:
    """Columns of the audited and the training rows, those of one name together."""
    columns: dict[str, Column] = {}
    for (where, name), column in sorted(contents.columns.items()):
        if where in (AUDIT, TRAIN):
            columns[name] = columns[name] + column if name in columns else column
    return columns


def _signs(column: Column, titles: Mapping[str, str]) -> Iterator[Sign]:
    """What a column tells of each category."""
    values, found = column.values, column.hits.keys() & titles.keys()
    for name in sorted({each.removesuffix(UNSURE) for each in found if not each.endswith(PROXY)}):
        hit, unsure = column.hits.get(name, Hits()), column.hits.get(f"{name}{UNSURE}", Hits())
        by_values = _speaks(hit, values)
        grounds = [
            *(["its name"] if hit.named else ["a name of two meanings"] if unsure.shaped else []),
            *([f"{hit.shaped / values:.0%} of its values"] if by_values else []),
        ]
        if grounds:
            yield Sign(name, " and ".join(grounds), hit.named or (bool(unsure.shaped) and by_values))


def _speaks(hit: Hits, values: int) -> bool:
    """Whether so many values speak of a category that the column does."""
    many = hit.proven >= max(_MANY, _MANY_VALUES * values)
    return hit.proven > 0 and (hit.shaped >= _MOST_VALUES * values or many)


def _worst(contents: Contents, name: str, signs: list[Sign], grounds: Mapping[str, str]) -> tuple[str, Sign]:
    order = (_USED, _OPEN, _HELD, _POSSIBLE, _COVERED)
    places = [(_place(contents, name, sign, sign.category in grounds), sign) for sign in signs]
    return min(places, key=lambda each: order.index(each[0]))


def _place(contents: Contents, name: str, sign: Sign, covered: bool) -> str:
    """How a column that tells a category is judged."""
    if covered:
        return _COVERED
    inputs = contents.schema["inputs"]
    is_used = name in (inputs or ()) or name in contents.schema.get("outcomes", ())
    if is_used:
        return _USED if sign.is_sure else _OPEN
    if name in contents.schema.get("sensitive", ()):
        return _HELD
    return _OPEN if sign.is_sure or inputs is None else _POSSIBLE


def _use(contents: Contents, name: str) -> str:
    if name in contents.schema.get("outcomes", ()):
        return "an outcome"
    if contents.schema["inputs"] is None:
        return "the inputs are not known: no model, and no `features`"
    return "an input of the model" if name in contents.schema["inputs"] else "no input"


def _asked(sign: Sign) -> str:
    return f"Declare data.grounds.{sign.category}, drop it, or say in {_CLEARED} what else it is"


def _estimate(name: str, column: Column, value: float, note: str) -> Estimate:
    limits = Certain(np.array([value]))
    return Estimate(
        "uncovered", {"column": name}, value, column.values, column.values, limits=limits, note=note
    )


def _undecided(name: str, column: Column, note: str) -> Estimate:
    """A column that may be in order, as its owner alone can say."""
    limits = OneOf(Certain(np.ones(1)), np.ones(1), np.ones(1, dtype=bool))
    return Estimate(
        "uncovered", {"column": name}, 1.0, column.values, column.values, limits=limits, note=note
    )


def _of(places: Mapping[str, str], place: str) -> list[str]:
    return [name for name, each in places.items() if each == place]


def _proxies(columns: Mapping[str, Column]) -> Iterator[str]:
    for name, column in columns.items():
        for detector, hit in sorted(column.hits.items()):
            if detector.endswith(PROXY) and (hit.named or _speaks(hit, column.values)):
                yield f"{name} ({detector.removesuffix(PROXY)})"


def _listed(metric: str, things: list[str]) -> Iterator[Estimate]:
    """A figure that is shown, with what was counted; nothing where there is none."""
    if things:
        told = ", ".join(things[:10]) + (f" and {len(things) - 10} more" if len(things) > 10 else "")
        yield replace(fact(metric, len(things), len(things)), note=told)
