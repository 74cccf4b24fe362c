"""Do the data, the configuration or the model's file hold secrets?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.contents import MODEL, TRAIN, Column, Contents

FAMILY = "secrets"


@check(
    version="1",
    metrics={
        "secrets": Metric(
            "secrets",
            "count",
            "distinct values of a column, texts in the model's file, or places in a text file, that hold one",
        ),
    },
)
def secrets(contents: Contents) -> Iterator[Estimate]:
    """Do the data, the configuration or the model's file hold secrets?

    Cells of the audited and the training rows, texts inside the model's file,
    and the configuration, notebooks and settings in its folder are searched
    for access keys and tokens of known services, private keys, web tokens,
    addresses with a password, and passwords and tokens beside a word that
    announces one.

    Formula
    -------
    A token counts by its prefix, length and alphabet; a web token where its
    header decodes to JSON that names an algorithm. Beside a key word, as
    ``password =`` or as the name of a column, a password has 6 characters and
    more, not letters alone, and 2.2 bits a character; a token has 16 and more,
    letters and digits, and 3.2 bits. Nowhere else does entropy count:
    digests, identifiers and pictures have as much.

    Why it matters
    --------------
    Whoever gets the file gets what the secret opens. Data are copied, shared
    and kept longer than code, and a model carries its texts along.

    When it misleads
    ----------------
    Secrets without a known form, and those that are encoded or cut, are not
    found. Examples of manuals and references to a vault are left out, as are
    hexadecimal digests in a column, which are mostly keyed identifiers. All
    rows of a column are read, and its first 1,000 suspicious cells closely;
    folders under the configuration's are not.

    How to read
    -----------
    The figures are facts: how many values or places, of which kind. Nothing
    of a secret is kept or shown.

    Remedy
    ------
    Withdraw the secret where it was issued, then take it out of the file and
    its history; read it from the environment or a vault.

    References
    ----------
    A/RES/78/265 6(j) and 6(b); CWE-312, CWE-798; OWASP ASVS 5.0, V13.3.
    """
    titles = {name: str(each["title"]) for name, each in contents.of_family(FAMILY).items()}
    if not titles or not (contents.columns or contents.files):
        raise NotApplicable("nothing was searched for secrets")
    clean = 0
    for (where, name), column in sorted(contents.columns.items()):
        kinds = {kind: hit.proven for kind, hit in column.hits.items() if kind in titles and hit.proven}
        clean += not kinds
        if kinds:
            yield _found(_subject(where, name), kinds, titles, column)
    for path, places in sorted(contents.files.items()):
        clean += not places
        if places:
            yield _found({"file": path}, places, titles)
    if clean:
        among = len(contents.columns) + len(contents.files)
        made = fact("secrets", 0, clean, {"places": "all others"})
        yield replace(made, note=f"{clean:,} of {among:,} columns and files: none found")


def _subject(where: str, name: str) -> dict[str, Any]:
    if where == MODEL:
        return {"file": name}
    return {"column": name, **({"role": TRAIN} if where == TRAIN else {})}


def _found(
    subject: Mapping[str, Any],
    kinds: Mapping[str, int],
    titles: Mapping[str, str],
    column: Column | None = None,
) -> Estimate:
    told = ", ".join(f"{titles[kind]}: {count:,}" for kind, count in sorted(kinds.items()))
    of = "" if column is None else f"; of {column.values:,} values looked at"
    count = sum(kinds.values())
    return replace(
        fact("secrets", count, count if column is None else column.values, subject), note=told + of
    )
