"""Search the tests' labeled corpus by trustkit and by Presidio's pattern recognizers; print Markdown rows.

Each is run where it is installed: ``PYTHONPATH=tests python benchmarks/personal_data.py trustkit``, and
``presidio`` in an environment of its own with ``presidio-analyzer`` and pandas.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from corpus import Labeled, corpus, frame

TOLD = {
    "email": {"EMAIL_ADDRESS"},
    "phone": {"PHONE_NUMBER"},
    "card": {"CREDIT_CARD"},
    "iban": {"IBAN_CODE"},
    "ip": {"IP_ADDRESS"},
    "mac": {"MAC_ADDRESS"},
    "account-link": {"URL", "EMAIL_ADDRESS"},
    "national-id": {"US_SSN", "US_ITIN", "UK_NHS", "US_PASSPORT"},
    "passport": {"US_PASSPORT", "IN_PASSPORT", "IT_PASSPORT", "ES_PASSPORT", "UK_PASSPORT"},
    "birth-date": {"DATE_TIME"},
    "bank-account": {"US_BANK_NUMBER", "IBAN_CODE"},
    "tr-tckn": {"TR_NATIONAL_ID", "TR_TCKN"},
}
"""Which of Presidio's entities rightly tell a kind; without a language model it knows no others."""

SCORES = (0.0, 0.4, 0.6)
"""Scores from which an entity counts."""


def by_trustkit(columns: list[Labeled]) -> dict[str, dict[str, float]]:
    """Share of each column's values by kind, of the columns that are not within the default limit."""
    from trustkit.checks.data_protection.personal_data import personal_data
    from trustkit.collectors.contents import columns_of, schema_of
    from trustkit.detectors import detectors
    from trustkit.evidence.contents import Contents
    from trustkit.frames import Frame

    opened = Frame.open(frame(columns))
    contents = Contents(schema_of(0, opened.columns), columns_of(opened, "audit"))
    titles = {each.title: each.name for each in detectors()}
    found: dict[str, dict[str, float]] = {}
    for each in personal_data(contents):
        if "column" in each.subject and each.interval(0.05)[1] >= 0.01:
            found[each.subject["column"]] = {titles[(each.note or "").split(", by")[0]]: each.value}
    return found


def by_presidio(columns: list[Labeled]) -> dict[str, dict[str, list[float]]]:
    """Greatest score of each entity in each value, by column."""
    from presidio_analyzer import RecognizerRegistry

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    recognizers = [each for each in registry.recognizers if "Spacy" not in each.name]
    found: dict[str, dict[str, list[float]]] = {}
    for column in columns:
        scores: dict[str, list[float]] = {}
        for value in column.values:
            best: dict[str, float] = {}
            for recognizer in recognizers:
                for hit in recognizer.analyze(str(value), recognizer.supported_entities, None) or ():
                    best[hit.entity_type] = max(best.get(hit.entity_type, 0.0), hit.score)
            for entity, score in best.items():
                scores.setdefault(entity, []).append(score)
        found[column.name] = scores
    return found


def row(
    title: str, columns: list[Labeled], hit: Callable[[Labeled], Iterable[str]], right: Mapping[str, Any]
) -> None:
    """Print recall of columns, by the right kind and by any, and false hits among the traps."""
    told = {each.name: {*hit(each)} for each in columns}
    identifiers = [each for each in columns if each.kinds]
    traps = [each for each in columns if not each.kinds]
    rightly = sum(
        any(told[each.name] & set(right.get(kind, {kind})) for kind in each.kinds) for each in identifiers
    )
    somehow = sum(bool(told[each.name]) for each in identifiers)
    false = sum(bool(told[each.name]) for each in traps)
    print(
        f"| {title} | {rightly} of {len(identifiers)} ({rightly / len(identifiers):.0%}) "
        f"| {somehow} of {len(identifiers)} ({somehow / len(identifiers):.0%}) "
        f"| {false} of {len(traps)} ({false / len(traps):.0%}) |"
    )


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=["trustkit", "presidio"])
    columns = corpus()
    started = time.perf_counter()
    print("| | found as what it is | found as anything | traps taken for something |")
    print("|---|---|---|---|")
    if parser.parse_args().which == "trustkit":
        found = by_trustkit(columns)
        row("trustkit", columns, lambda each: found.get(each.name, {}), {})
    else:
        scores = by_presidio(columns)
        for score in SCORES:
            for share in (0.01, 0.5):

                def hit(each: Labeled, score: float = score, share: float = share) -> Iterable[str]:
                    for entity, of in scores[each.name].items():
                        if sum(value >= score for value in of) > share * len(each.values):
                            yield entity

                row(f"Presidio, score {score} in more than {share:.0%}", columns, hit, TOLD)
    print(f"\n{time.perf_counter() - started:.1f} s for {sum(len(each.values) for each in columns):,} values")


if __name__ == "__main__":
    main()
