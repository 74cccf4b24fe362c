"""A data file, a notebook or a file of settings, looked through without a configuration."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.detectors.files import LARGEST, Part, is_settings, kind_of, parts_of, text_of
from trustkit.detectors.secrets import KINDS, find_secrets
from trustkit.models.scanning.command import as_finding, file_entry, finding_entry
from trustkit.models.scanning.report import Finding
from trustkit.models.scanning.scanner import files_of, scan

if TYPE_CHECKING:
    from trustkit.detectors.values import Values
    from trustkit.frames import Frame

CHECKS = (
    "data-protection/personal-data",
    "data-protection/special-categories",
    "data-protection/re-identification",
    "data-protection/secrets",
)
"""Checks that a data file is put to."""

VERDICTS = ("pass", "not_applicable", "inconclusive", "error", "fail")
"""From the best to the worst."""

_SUFFIXES = {
    "csv": (".csv",),
    "jsonl": (".jsonl", ".ndjson"),
    "json": (),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".feather", ".ipc"),
    "feather": (".feather",),
}
"""Kinds of tables, and the endings under which they are opened as an audit opens them."""

_BINARY = ("parquet", "arrow", "feather")
"""Kinds of tables that no reader of models knows."""

_TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
"""Endings of text, by which it is known that another encoding is what hides it."""

_BLOCK = 8 << 20
_SECRETS = "data-protection/secrets:secrets"
_IDENTIFYING = "data-protection/personal-data:identifying"
_UNREAD = "data-protection/personal-data:error"
_WITHDRAW = "Withdraw the secret where it was issued, then take it out of the file and its history."
_LEAVE_OUT = "Leave out what is not needed; whether it is, only the owner can say."
_READABLE = (
    "Write the file again as csv, parquet, feather or jsonl in UTF-8; what cannot be read cannot pass."
)


def entry_of(path: str) -> dict[str, Any]:
    """Return what a file or folder was found to hold, as an entry of ``files`` in the command's JSON.

    Its content decides: a table is searched for personal data, special
    categories, rows that single people out, and secrets; a notebook and other
    text for secrets, code that it asks for and, but for settings, identifiers
    in its lines, which its facts name as ``sought``; all else is scanned as a
    model is. A folder is scanned as one model, and each table and text in it
    besides.
    """
    file = Path(path)
    if not file.is_file():
        return _folder_entry(file)
    kind, delimiter = kind_of(file)
    if kind in _SUFFIXES and not (kind in ("csv", "jsonl") and _is_pickle(file)):
        return _table_entry(file, kind, delimiter)
    text = text_of(file) if kind in ("notebook", "text") else None
    return _other_entry(file) if text is None else _text_entry(file, kind, text)


def _other_entry(file: Path) -> dict[str, Any]:
    entry = file_entry(report := scan(str(file)))
    if file.suffix.lower() not in _TEXTS or {each.kind for each in report.findings} != {"incomplete"}:
        return entry
    return {**entry, "findings": [_unread(file.as_posix(), f"{file.name} is empty, or no text in UTF-8")]}


def _folder_entry(folder: Path) -> dict[str, Any]:
    report, files = scan(str(folder)), dict(files_of(folder))
    kinds = {name: kind_of(file)[0] for name, file in files.items()}
    tables = {name for name, kind in kinds.items() if kind in _BINARY}
    found = [each for each in report.findings if not _is_table(each, tables)]
    findings = [finding_entry(folder.as_posix(), each) for each in found]
    for name, file in files.items():
        if kinds[name] != "other":
            # code that a loader would run is found in the folder as a whole
            told = [each for each in entry_of(str(file))["findings"] if each["check"] in CHECKS]
            findings += [_found_in(name, each) for each in told]
    return {**file_entry(report), "verdict": _worst(findings), "findings": findings}


def _is_table(finding: Finding, tables: set[str]) -> bool:
    """Whether all that was found is that a table, which is read as one, is no model."""
    is_no_model = finding.kind == "incomplete" and finding.what in ("content", "pickle")
    return is_no_model and finding.where.partition("@")[0] in tables


def _found_in(file: str, finding: dict[str, Any]) -> dict[str, Any]:
    """A finding on one file of a folder, told from those on the others."""
    subject = {**finding["subject"], "file": file}
    id = finding["id"] if "file" in finding["subject"] else f"{finding['id']};file={file}"
    return {**finding, "id": id, "subject": subject, "message": f"{file}: {finding['message']}"}


def _is_pickle(file: Path) -> bool:
    """Whether a text that looks like a table is a pickle of the oldest protocol."""
    with file.open("rb") as opened:
        head = opened.read(1 << 16)
    report = scan(head)
    return "pickle" in report.facts["kinds"] or report.verdict == "dangerous"


def _text_entry(file: Path, kind: str, text: str) -> dict[str, Any]:
    report, path = scan(str(file)), file.as_posix()
    findings = [finding_entry(path, each) for each in report.findings if not _is_no_model(each)]
    parts = list(parts_of(text))
    if kind == "notebook" and parts[0].where == "":
        findings.append(_unread(path, "a notebook that is no JSON"))
    findings += _secrets(path, parts)
    sought = "secrets, code"
    if not is_settings(file):
        lines = _lines(parts)
        findings += _identifiers(path, lines)
        sought += f", identifiers in {len(lines.texts):,} of {lines.of:,} distinct lines"
    entry = file_entry(report)
    facts = {**entry["facts"], "sought": sought}
    return {**entry, "verdict": _worst(findings), "findings": findings, "facts": facts}


def _lines(parts: list[Part]) -> Values:
    """Distinct lines of a text, long ones in pieces; a draw of them where there are too many."""
    from trustkit.detectors.values import LONGEST, Values

    lines = [line for part in parts for line in part.text.splitlines() if line.strip()]
    return Values.of_texts([line[at : at + LONGEST] for line in lines for at in range(0, len(line), LONGEST)])


def _identifiers(path: str, lines: Values) -> list[dict[str, Any]]:
    """One finding for all identifiers of a text: in how many lines they are, however few."""
    from trustkit.checks.data_protection.personal_data import beyond_chance
    from trustkit.detectors import detectors
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import IDENTIFIERS, examine

    hits = examine(Content.of("", lines), detectors())
    among = [each for each in detectors() if each.family == IDENTIFIERS and each.name in hits]
    found = {
        each.title: hits[each.name].proven
        for each in among
        if hits[each.name].proven and (not each.chance or beyond_chance(hits[each.name], each.chance))
    }
    if not found:
        return []
    told = ", ".join(f"{title}: {n:,}" for title, n in found.items())
    return [
        as_finding(
            f"{_IDENTIFYING}:file={path}",
            {"file": path},
            "inconclusive",
            f"{told}; of {len(lines.texts):,} distinct lines",
            estimate=max(found.values()) / len(lines.texts),
            remedy=_LEAVE_OUT,
        )
    ]


def _is_no_model(finding: Finding) -> bool:
    """Whether all that was found is that a text is no model, which nobody said it was."""
    return (finding.kind, finding.what) == ("incomplete", "text")


def _secrets(path: str, parts: list[Part]) -> list[dict[str, Any]]:
    """One finding for all secrets of a text file: how many of which kind, and where."""
    titles = {each.name: each.title for each in KINDS}
    found = [(each.kind, _where(part, each.at)) for part in parts for each in find_secrets(part.text)]
    if not found:
        return []
    kinds = ", ".join(
        f"{titles[kind]}: {n:,}" for kind, n in sorted(Counter(kind for kind, _ in found).items())
    )
    places = list(dict.fromkeys(place for _, place in found))
    shown = ", ".join(places[:10]) + (f" and {len(places) - 10} more places" if len(places) > 10 else "")
    return [
        as_finding(
            f"{_SECRETS}:file={path}",
            {"file": path},
            "fail",
            f"{kinds} ({shown})",
            estimate=float(len(found)),
            remedy=_WITHDRAW,
        )
    ]


def _where(part: Part, at: int) -> str:
    return part.where or f"line {part.text.count(chr(10), 0, at) + 1:,}"


def _table_entry(file: Path, kind: str, delimiter: str) -> dict[str, Any]:
    from trustkit.collectors.provenance import digest
    from trustkit.errors import ConfigError

    path = file.as_posix()
    facts: dict[str, Any] = {"kinds": {kind: 1}}
    try:
        frame = _frame(file, kind, delimiter)
        findings, notes = _judged(frame)
        facts |= {"rows": frame.rows, "columns": len(frame.columns), "notes": notes}
    except ConfigError as error:
        findings = [_unread(path, "; ".join(problem.found for problem in error.problems))]
    except Exception as error:  # what could not be looked at never passes
        findings = [_unread(path, f"could not be looked at: {type(error).__name__}")]
    return {
        "path": path,
        "verdict": _worst(findings),
        "findings": findings,
        "sha256": digest(file)[0],
        "facts": facts,
    }


def _unread(path: str, why: str) -> dict[str, Any]:
    return as_finding(f"{_UNREAD}:file={path}", {"file": path}, "error", why, why=why, remedy=_READABLE)


def _frame(file: Path, kind: str, delimiter: str) -> Frame:
    """Open a table by what it is, whatever its name says."""
    import pyarrow

    from trustkit.errors import ConfigError, Problem
    from trustkit.frames import Frame

    if file.suffix.lower() in _SUFFIXES[kind] and delimiter in ("", ","):
        return Frame.open(str(file), key=file.name)
    try:
        return Frame.open(_table(file, kind, delimiter), key=file.name)
    except (pyarrow.ArrowException, OSError, ValueError, RecursionError):
        found = f"{file.name} is not readable as {kind}: damaged, cut short or of another format"
        raise ConfigError([Problem(file.name, found)]) from None


def _table(file: Path, kind: str, delimiter: str) -> Any:
    import pyarrow.csv
    import pyarrow.feather
    import pyarrow.json
    import pyarrow.parquet

    if kind == "csv":
        rows = pyarrow.csv.ReadOptions(block_size=_BLOCK)
        parts = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        return pyarrow.csv.read_csv(file, read_options=rows, parse_options=parts)
    if kind == "jsonl":
        return pyarrow.json.read_json(file)
    if kind == "json":
        return _records(file)
    return pyarrow.parquet.read_table(file) if kind == "parquet" else pyarrow.feather.read_table(file)


def _records(file: Path) -> Any:
    """Read a list of records, whatever their keys have in common."""
    import pandas as pd

    from trustkit.errors import ConfigError, Problem

    text = text_of(file)
    if text is None:
        found = f"{file.name} is a list of over {LARGEST >> 20} MB: write a record a line"
        raise ConfigError([Problem(file.name, found)])
    records = json.loads(text)
    keys = dict.fromkeys(key for each in records for key in each)
    return pd.DataFrame({key: [each.get(key) for each in records] for key in keys})


def _judged(frame: Frame) -> tuple[list[dict[str, Any]], list[str]]:
    """Put a table to the checks, under the limits of the default policy; nothing is known of a model."""
    from trustkit.collectors.classes import classes_of, suggested
    from trustkit.collectors.contents import columns_of, schema_of
    from trustkit.evidence import Evidence
    from trustkit.evidence.contents import AUDIT, Contents
    from trustkit.judging import judge

    contents = Contents(schema_of(), columns_of(frame, AUDIT))
    kinds: dict[str, Any] = {"contents": contents}
    if names := suggested(frame):
        kinds["classes"] = classes_of(frame, names, declared=False)
    card = judge(Evidence({}, kinds, {}), "unga-78-265", only=CHECKS).plain()
    findings = [each for each in card["findings"] if each["check"] in CHECKS]
    return findings, [note for kind in kinds.values() for note in kind.notes()]


def _worst(findings: list[dict[str, Any]]) -> str:
    worst = max((each["verdict"] for each in findings), key=VERDICTS.index, default="pass")
    return "pass" if worst == "not_applicable" else worst
