"""Do columns or the model's file hold what identifies a person directly?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.contents import AUDIT, MODEL, TRAIN, Column, Contents, Hits
from trustkit.measure.intervals import Greatest, Linear, OneOf, proportions

FAMILY = "identifiers"

_BEYOND_CHANCE, _BEYOND_CHANCE_NAMED = 1e-6, 1e-2
"""Level at which more values must pass a check digit than chance lets pass: without, and with, a name."""

_ROWS = {AUDIT: "audited rows", TRAIN: "training rows"}

_HELD = 'Name it in options."data-protection/personal-data".declared where it is needed, or leave it out'


@dataclass(frozen=True)
class Share:
    """The share of a column's values that are of one kind of identifier."""

    value: float
    limits: Linear
    grounds: str


@check(
    version="1",
    metrics={
        "identifying": Metric(
            "share of identifying values",
            "share",
            "distinct values of a column that are identifiers, of those looked at, by the detector that "
            "finds most; of numbers with a check digit, less those that pass by chance, (s - c) / (1 - c)",
        ),
        "declared": Metric(
            "share of identifying values, as declared",
            "share",
            "as `identifying`, of columns that are declared",
        ),
        "stored": Metric(
            "attributes that hold training rows",
            "count",
            "attributes of the model's file that hold training rows",
        ),
    },
)
def personal_data(contents: Contents, *, declared: Sequence[str] = ()) -> Iterator[Estimate]:
    """Do columns or the model's file hold what identifies a person directly?

    Every column of the audited and the training rows, and every text inside
    the model's file, is searched for names, e-mail and postal addresses,
    phones, national and tax numbers, passports, accounts, cards, plates,
    network and device addresses, positions, dates of birth and pictures.
    Three grounds are kept apart: the column's name, the shape of a value, and
    its check digit. A shape that other things have too counts only together
    with the name.

    Formula
    -------
    Of n distinct values k are found, m have the layout of a number whose
    check digit a number of no meaning passes with chance c: the share is
    (k/n - c m/n) / (1 - c), with Clopper-Pearson limits of k/n. A number with
    a check digit counts only where more pass than chance lets pass, at level
    1e-6 (1e-2 where the column's name says so too). Lower limits are taken at
    the level divided by the number of columns, of both tables, times detectors.
    Of a column in which both tables have some the larger share counts: its lower
    limit is taken at half that level, its upper limit is the larger of the two.

    Why it matters
    --------------
    A model needs nobody's name or number to decide. Where they are in the
    data, whoever sees a row knows whose it is; where they are inputs, the
    model may decide by them and give them out.

    When it misleads
    ----------------
    A clean column is one in which nothing was found: names of peoples whose
    name forms are not known, hashed identifiers and pictures inside other
    formats are not found. Only a draw of a large column is looked at.

    How to read
    -----------
    One line a column with a finding, of the audited or the training rows,
    whichever hold more; one for all others. An identifier that
    is an input of the model, or in its file, fails. One in a column that is
    no input is *inconclusive*: whether it is needed only its owner can say.
    Columns named in the option ``declared``, and the one of ``data.unit``, are
    shown and not judged, inputs among them too. No value is kept or shown.

    Remedy
    ------
    Leave identifiers out of the inputs, drop the columns or replace their
    values by keyed hashes, and train the model anew where its file holds
    them; declare those that are needed.

    References
    ----------
    A/RES/78/265 6(j) and 6(e); GDPR, Art. 4(1), 5(1)(c) and 25; EU AI Act, Art. 10(2)(b).
    """
    detectors = contents.of_family(FAMILY)
    if not detectors or not contents.columns:
        raise NotApplicable("no column was searched for identifiers")
    places = _by_place(contents)
    among = len(detectors) * len(contents.columns)
    clean = len(places)
    for (kind, name), columns in places.items():
        shares = {where: each for where, column in columns.items() if (each := _largest(column, detectors))}
        if shares:
            clean -= 1
            yield _judged(contents, {kind: name}, columns, shares, among, declared)
    if clean:
        found = fact("identifying", 0.0, clean, {"columns": "all others"})
        yield replace(found, note=f"{clean:,} of {len(places):,}: nothing found beyond chance")
    for path, attributes in sorted(contents.stored.items()):
        yield replace(fact("stored", len(attributes), 1, {"file": path}), note=", ".join(attributes))


def _by_place(contents: Contents) -> dict[tuple[str, str], dict[str, Column]]:
    """What is judged together: the columns of one name, and each file; what was found by where it is."""
    places: dict[tuple[str, str], dict[str, Column]] = {}
    for (where, name), column in sorted(contents.columns.items()):
        places.setdefault(("file" if where == MODEL else "column", name), {})[where] = column
    return places


def _judged(
    contents: Contents,
    subject: Mapping[str, str],
    columns: Mapping[str, Column],
    shares: Mapping[str, Share],
    among: int,
    declared: Sequence[str],
) -> Estimate:
    """Judge the larger of the shares of two tables; of a file there is one."""
    where = max(shares, key=lambda each: shares[each].value)
    share, n, (name,) = shares[where], columns[where].values, subject.values()
    is_input = where == MODEL or name in (contents.schema["inputs"] or ())
    is_declared = name in declared or (where != MODEL and name == contents.schema["unit"])
    rows = [_ROWS[where], *(_ROWS[each] for each in shares if each != where)] if where != MODEL else []
    told = f"{share.grounds}{', in ' if rows else ''}{', also in '.join(rows)}"
    said = "declared" if is_declared else "" if is_input else _HELD
    note = ". ".join(filter(None, (f"{told}; {_place(contents, where, is_input)}", said)))
    largest = share.limits if len(shares) == 1 else Greatest(tuple(each.limits for each in shares.values()))
    limits = OneOf(largest, np.array([float(among)]), np.array([not is_input]))
    metric = "declared" if is_declared else "identifying"
    return Estimate(metric, subject, share.value, n, n, limits=limits, note=note)


def _place(contents: Contents, where: str, is_input: bool) -> str:
    if where == MODEL:
        return "inside the model's file"
    if contents.schema["inputs"] is None:
        return "the inputs are not known: no model, and no `features`"
    return "an input of the model" if is_input else "no input"


def _largest(column: Column, detectors: Mapping[str, Mapping[str, Any]]) -> Share | None:
    """The largest share among detectors that find something beyond chance; the others are named with it."""
    shares = {
        str(detectors[name]["title"]): share
        for name, hits in column.hits.items()
        if name in detectors and (share := _share(hits, column.values, detectors[name])) is not None
    }
    if not shares:
        return None
    most = max(shares, key=lambda title: shares[title].value)
    others = ", ".join(title for title in shares if title != most)
    return replace(shares[most], grounds=f"{shares[most].grounds}; also {others}") if others else shares[most]


def _share(hits: Hits, n: int, detector: Mapping[str, Any]) -> Share | None:
    chance = float(detector["chance"])
    counted = hits.shaped if hits.named and not chance else hits.proven
    if not counted or (chance and not beyond_chance(hits, chance)):
        return None
    expected = chance * hits.shaped / n if chance else 0.0
    inner = proportions(np.array([counted / n]), np.array([float(n)]))
    limits = Linear(inner, np.array([1 / (1 - chance)]), np.array([-expected / (1 - chance)]))
    value = max(0.0, (counted / n - expected) / (1 - chance))
    return Share(value, limits, _grounds(hits, n, str(detector["title"]), chance))


def beyond_chance(hits: Hits, chance: float) -> bool:
    """Whether more values pass their check digit than chance lets pass."""
    level = _BEYOND_CHANCE_NAMED if hits.named else _BEYOND_CHANCE
    passing = proportions(np.array([hits.proven / hits.shaped]), np.array([float(hits.shaped)]))
    return bool(passing.lower(level)[0] > chance) if hits.proven else False


def _grounds(hits: Hits, n: int, title: str, chance: float) -> str:
    shaped = hits.shaped if chance or hits.named else hits.proven
    grounds = [
        "column name" if hits.named else None,
        f"shape {shaped / n:.0%}",
        f"check digit {hits.proven / n:.0%} (by chance up to {chance * hits.shaped / n:.0%})"
        if chance
        else None,
    ]
    return f"{title}, by {', '.join(filter(None, grounds))}"
