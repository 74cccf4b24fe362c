"""The collector of records: read each document that is named, keep facts and counts, drop the text."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.collectors.pages import (
    MOST_BYTES,
    Heading,
    Page,
    PageError,
    Table,
    Tree,
    filled,
    read_page,
    says,
    slug,
)
from trustkit.collectors.sources import Sources
from trustkit.config import DOCUMENTS
from trustkit.evidence.records import (
    ALL,
    CARD,
    CLOSED,
    HIGH,
    Document,
    Opted,
    Records,
    Register,
    Stated,
)
from trustkit.frames import Frame, header

MOST_STATED = 200
"""Figures, groups, targets and digests that are kept of one document."""

_FACTS = {
    "owner": ("owner", "owners", "author", "authors", "maintainer", "developed_by", "responsible"),
    "date": ("date", "updated", "last_updated", "last_modified", "reviewed", "review_date", "issued"),
    "version": ("version", "model_version", "system_version"),
    "expires": ("expires", "expiry", "valid_until", "expires_on"),
    "retention": ("retention", "retention_period", "kept_for"),
    "basis": ("basis", "legal_basis", "lawful_basis"),
    "response_time": ("response_time", "response", "time_to_respond"),
    "rights": ("rights", "license", "licence"),
}
"""Names that a fact goes by in front matter, the one it is kept by first."""

_WRITTEN = ("date", "version", "expires", "retention", "reviewed_cases", "overruled_cases")
"""Facts that are kept as written; of the others only that they are given."""

_COLUMNS = {
    "owner": ("owner", "risk owner", "responsible", "accountable"),
    "level": ("level", "risk level", "rating", "severity", "class", "rank", "priority"),
    "date": ("date", "reviewed", "review date", "last review", "opened", "updated"),
    "treatment": ("treatment", "mitigation", "measure", "measures", "control", "controls", "response"),
    "residual decision": ("residual decision", "residual risk", "residual", "decision", "acceptance"),
    "status": ("status", "state"),
    "cause": ("cause", "root cause"),
    "fix": ("fix", "linked fix", "resolution", "correction", "remedy"),
    "attribute": ("attribute", "characteristic"),
    "group": ("group", "groups", "slice", "affected group"),
    "target": ("target", "sdg target", "sdg", "goal"),
    "for whom": ("for whom", "beneficiaries", "people"),
    "metric": ("metric", "measure of quality"),
    "value": ("value", "result"),
    "sha256": ("sha256", "digest", "checksum"),
    "file": ("file", "path"),
}
"""Names that a column goes by, the one it is kept by first; none of a template differs from its own."""

_LOW = {"low", "very low", "medium", "moderate", "minor", "negligible", "limited", "minimal", "green"}
"""Levels that are not high; any other, and none, is taken for high."""

_CLOSED = {"closed", "resolved", "done", "fixed", "solved", "mitigated", "complete", "completed"}

_NAMES = {
    "acc": "accuracy",
    "roc_auc": "auc", "auroc": "auc", "area_under_the_roc_curve": "auc", "auc_roc": "auc",
    "positive_rate": "selection_rate", "approval_rate": "selection_rate", "acceptance_rate": "selection_rate",
    "sensitivity": "recall", "tpr": "recall", "true_positive_rate": "recall",
    "ppv": "precision", "positive_predictive_value": "precision",
    "tnr": "specificity", "true_negative_rate": "specificity",
    "fpr": "false_positive_rate", "fnr": "false_negative_rate",
    "npv": "negative_predictive_value",
    "bacc": "balanced_accuracy",
}  # fmt: skip
"""Other names of figures that can be compared."""

_YES = {"true", "1", "yes"}
"""Texts by which a row says that its person opted out."""

_COMPARED = {*_NAMES.values(), "accuracy", "selection_rate", "balanced_accuracy"}
_NUMBER = re.compile(r"([-+]?\d{0,15}(?:[.,]\d{1,15})?(?:[eE][-+]?\d{1,3})?)\s*(%?)")
_LINE = re.compile(
    r"[\s*_+-]*([A-Za-z][A-Za-z _-]{1,39}?)[\s*_]*[:=][\s*_]*([-+]?\d[\d.,]{0,15}\s*%?)[\s*_.]*$"
)
_TARGET = re.compile(r"\d{1,2}(?:\.[0-9a-z]{1,2})?")
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?=-|$)")
_BEHAVIOR = re.compile(
    r"\b(?:model|predict|decision|output|bias|discriminat|unfair|prompt|score|hallucinat|behavio)", re.I
)
_CONTACT = re.compile(r"@|https?://|mailto:|tel:|\+\d{5}|\(\.{0,2}/")
_REPORTING = (("contact", "report"), ("scope", "to report"), ("response", "respond", "expect"))
"""Words of the headings and keys under which a page names an address, a scope and a time."""

_LEFT_OUT = re.compile(r"\b(?:out of scope|out-of-scope|not in scope|not covered|exclud)", re.I)
_SENTENCE = re.compile(r"(?<=[.;!?])\s|\n\s*(?:[-*+]|\d+[.)])\s|\n\s*\n")
_MARKED = re.compile(r"(#{1,6})\s")
_UNDERLINE = re.compile(r"=+\s*|-{3,}\s*")
_LONGEST_KEY = 40
_TIME = re.compile(
    r"\b(?:\d{1,3}|one|two|three|four|five|seven|ten|fourteen|thirty|a|an)\s+"
    r"(?:working |business |calendar )?(?:hour|day|week|month)s?\b",
    re.I,
)


def collect_records(sources: Sources) -> Records:
    """Read the model card and the documents of the configuration.

    A document that cannot be read is no error: it is kept with its problem,
    and whatever needs it finds it wanting.
    """
    config = sources.system.config
    named: dict[str, str] = {str(kind): file for kind, file in config.documents.items()}
    if config.system.card:
        named[CARD] = config.system.card
    known = _Known(sources)
    documents = {
        kind: read_document(kind, config.folder, name, known) for kind, name in sorted(named.items())
    }
    months: dict[str, int] = {}
    if any("retention" in document.facts for document in documents.values()):
        months = _months(sources)
    schema = {"version": config.system.version, "sdg": list(config.system.sdg)}
    stated = any(document.digests for document in documents.values())
    return Records(schema, documents, _digests_of_files(sources, stated), months, _opted_out(sources))


def _digests_of_files(sources: Sources, stated: bool) -> dict[str, str]:
    """SHA-256 of the audited files; where a document states digests, of the training files too."""
    train = sources.train if stated else None
    inputs = [*sources.frame.inputs, *(train.inputs if train is not None else ())]
    return {read.path: read.sha256 for read in sorted(inputs, key=lambda read: read.path)}


class _Known:
    """What tells a figure of the audited rows from one of other data."""

    def __init__(self, sources: Sources | None = None) -> None:
        self.names: set[str] = set()
        if sources is not None:
            self.names = {slug(Path(read.path).stem) for read in sources.frame.inputs}
            self.names |= {slug(sources.data.sample)} if sources.data.sample else set()

    def has(self, name: str) -> bool:
        """Tell whether a data set of this name is the audited one."""
        return any(slug(name) in known or known in slug(name) for known in self.names if slug(name))


def read_document(kind: str, folder: Path, name: str, known: _Known | None = None) -> Document:
    """Read one document.

    Parameters
    ----------
    kind : str
        ``card``, or a key of ``[documents]``.
    folder : Path
        The configuration's.
    name : str
        The file, relative to it.
    """
    path = folder / name
    shown = Path(os.path.relpath(path, folder)).as_posix()
    data = b""
    try:
        if not path.is_file():
            raise PageError("not a file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        page, problem = read_page(path.name, data), ""
    except PageError as error:
        page, problem = Page(), str(error)
    except (OSError, ValueError) as error:
        page, problem = Page(), f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
    template = _template(kind)
    facts = _facts(page)
    if kind == "security":
        facts |= _reporting(page)
    tables = [_canonical(table) for table in page.tables]
    return Document(
        path=shown,
        sha256=hashlib.sha256(data).hexdigest(),
        problem=problem or page.problem,
        facts=facts,
        headings={heading.title: heading.filled for heading in page.headings[:MOST_STATED]},
        needs={need.title: _stands(need, page.headings) for need in _needs(template)} | page.required,
        needs_facts=tuple(_facts(template, given=False)),
        needs_columns=tuple(_canonical(template.tables[0]).header) if template.tables else (),
        registers=tuple(_register(table) for table in tables[:20]),
        stated=tuple(_some(_stated(page, tables, known or _Known()))) if kind == CARD else (),
        groups=tuple(_some(_groups(page, tables))) if kind == "impact-assessment" else (),
        targets=tuple(_some(_targets(tables))) if kind == "sustainability" else (),
        digests=dict(_some(_digests(page, tables))) if kind == "dataset" else {},
    )


@cache
def _template(kind: str) -> Page:
    """Packaged template of a kind: its headings, facts and columns are what the kind requires."""
    if kind not in (CARD, *DOCUMENTS):
        raise ValueError(f"there is no template of {kind}")
    return read_page(f"{kind}.md", template_text(kind).encode())


def _needs(template: Page) -> list[Heading]:
    """Headings that a template requires: of the second level, and not said to be optional."""
    return [heading for heading in template.headings if heading.level == 2 and not heading.optional]


def template_text(kind: str) -> str:
    """Text of the packaged template of a kind of document."""
    return (files("trustkit") / "templates" / f"{kind}.md").read_text(encoding="utf-8")


def _some(found: Iterable[Any]) -> Iterator[Any]:
    for at, each in enumerate(found):
        if at == MOST_STATED:
            return
        yield each


def _stands(need: Heading, headings: list[Heading]) -> bool:
    """Tell whether a required heading is there, by one of its names, and something under it."""
    return any(heading.filled and {*heading.names} & {*need.names} for heading in headings)


def _facts(page: Page, *, given: bool = True) -> dict[str, str]:
    """Facts of front matter, by the names they are kept by; of a template, those it asks for."""
    named = {name: kept for kept, names in _FACTS.items() for name in names}
    facts: dict[str, str] = {}
    for key, value in list(page.facts.items())[:MOST_STATED]:
        name = named.get(slug(key).replace("-", "_"), slug(key).replace("-", "_")[:60])
        if name and name not in facts and (filled(value) or not given):
            facts[name] = value.strip()[:100] if isinstance(value, str) and name in _WRITTEN else "given"
    return facts


# Registers


def _canonical(table: Table) -> Table:
    """Table whose columns go by the names they are kept by."""
    named = {slug(name): kept for kept, names in _COLUMNS.items() for name in names}
    header, taken = [], set()
    for column in table.header:
        name = named.get(slug(column), slug(column).replace("-", " ")[:60])
        name = slug(column).replace("-", " ")[:60] if name in taken else name
        taken.add(name)
        header.append(name)
    return Table(tuple(header), table.rows)


def _register(table: Table) -> Register:
    which = {ALL: table.rows, HIGH: [], CLOSED: []}
    for row in table.rows:
        said = dict(zip(table.header, row, strict=True))
        if slug(said.get("level", "")).replace("-", " ") not in _LOW:
            which[HIGH].append(row)
        if slug(said.get("status", "")).replace("-", " ") in _CLOSED:
            which[CLOSED].append(row)
    blanks = {name: _blanks(table.header, rows) for name, rows in which.items()}
    return Register(table.header, {name: len(rows) for name, rows in which.items()}, blanks)


def _blanks(header: tuple[str, ...], rows: list[list[str]]) -> dict[str, int]:
    counts: Counter[str] = Counter(dict.fromkeys(header, 0))
    for row in rows:
        for column, cell in zip(header, row, strict=True):
            counts[column] += not (_is_day(cell) if column == "date" else says(cell))
    return dict(counts)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text.strip()[:10])
    except ValueError:
        return False
    return True


# What the card states


def _stated(page: Page, tables: list[Table], known: _Known) -> Iterator[Stated]:
    """Figures of the front matter, of tables with metric and value, and of lines ``Accuracy: 0.84``."""
    made = [*_of_metrics(page.facts.get("metrics")), *_of_model_index(page.facts.get("model-index"), known)]
    for table in tables:
        if {"metric", "value"} <= {*table.header}:
            for row in table.rows:
                said = dict(zip(table.header, row, strict=True))
                made += _figure(said["metric"], said["value"], said.get("group", ""))
    for line in page.lines:
        match = _LINE.match(line[:200])
        if match and _metric(match[1]) in _COMPARED:
            made += _figure(match[1], match[2])
    seen: set[tuple[str, float, str]] = set()
    for stated in made:
        key = (stated.metric, stated.value, repr(stated.group))
        if key not in seen:
            seen.add(key)
            yield stated


def _of_metrics(tree: Tree | None) -> Iterator[Stated]:
    """``metrics``: a mapping of names to values, or a list of mappings with name, value and group."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _figure(name, value)
    for each in tree if isinstance(tree, list) else []:
        if isinstance(each, dict) and "value" in each:
            named = each.get("name") or each.get("type") or ""
            yield from _figure(named, each["value"], each.get("group", ""))
        elif isinstance(each, dict):
            for name, value in each.items():
                yield from _figure(name, value)


def _of_model_index(tree: Tree | None, known: _Known) -> Iterator[Stated]:
    """Hugging Face's ``model-index``: of several data sets only the audited one can be compared."""
    results = [
        result
        for model in (tree if isinstance(tree, list) else [])
        if isinstance(model, dict) and isinstance(model.get("results"), list)
        for result in model["results"]
        if isinstance(result, dict)
    ]
    sets = [_dataset(result) for result in results]
    for result, (dataset, split) in zip(results, sets, strict=True):
        elsewhere = ""
        if split.casefold() in ("train", "training"):
            elsewhere = "it is stated of training data"
        elif len({name for name, _ in sets}) > 1 and not known.has(dataset):
            elsewhere = "it is stated of another data set"
        metrics = result.get("metrics")
        for each in metrics if isinstance(metrics, list) else []:
            if isinstance(each, dict):
                named = each.get("type") or each.get("name") or ""
                yield from _figure(named, each.get("value", ""), each.get("group", ""), elsewhere)


def _dataset(result: Mapping[str, Tree]) -> tuple[str, str]:
    dataset = result.get("dataset")
    said = dataset if isinstance(dataset, dict) else {}
    name, split = said.get("name") or said.get("type") or "", said.get("split", "")
    return (name if isinstance(name, str) else ""), (split if isinstance(split, str) else "")


def _figure(name: Tree, value: Tree, group: Tree = "", elsewhere: str = "") -> Iterator[Stated]:
    """One figure, where its value is a number; a share above 1, and one with a sign, is in percent."""
    if not isinstance(name, str) or not isinstance(value, str) or not says(name):
        return
    match = _NUMBER.fullmatch(value.strip())
    metric = _metric(name)
    if match is None or not any(character.isdigit() for character in match[1]):
        return
    digits = match[1].replace(",", ".")
    number = float(digits)
    if not math.isfinite(number):
        return
    percent = bool(match[2]) or "%" in name or (metric in _COMPARED and 1 < number <= 100)
    written = len(digits.lower().partition("e")[0].partition(".")[2])
    exponent = int(digits.lower().partition("e")[2] or 0)
    step = 0.5 * 10.0 ** (exponent - written) / (100 if percent else 1)
    yield Stated(metric, number / (100 if percent else 1), min(step, 0.005), _group(group), elsewhere)


def _metric(name: str) -> str:
    plain = slug(re.sub(r"\([^()]{0,100}\)", " ", name[:200])).replace("-", "_")[:60]
    return _NAMES.get(plain, plain)


def _group(tree: Tree) -> dict[str, str]:
    """``{sex: F}``, ``sex=F, race=A``, or a label alone."""
    if isinstance(tree, dict):
        return {key[:100]: value[:100] for key, value in tree.items() if isinstance(value, str) and value}
    if not isinstance(tree, str) or not says(tree) or slug(tree) in ("all", "overall", "everybody", "total"):
        return {}
    parts = [part.partition("=") for part in tree[:500].split(",")]
    if all(equals for _, equals, _ in parts):
        return {key.strip()[:100]: label.strip()[:100] for key, _, label in parts}
    return {"": tree.strip()[:100]}


# What the others name


def _groups(page: Page, tables: list[Table]) -> Iterator[dict[str, str]]:
    """Groups of the front matter's ``groups``, by attribute, and of tables with attribute and group."""
    named = page.facts.get("groups")
    for attribute, labels in named.items() if isinstance(named, dict) else []:
        for label in labels if isinstance(labels, list) else [labels]:
            if isinstance(label, str) and label:
                yield {attribute[:100]: label[:100]}
    for table in tables:
        if {"attribute", "group"} <= {*table.header}:
            for row in table.rows:
                said = dict(zip(table.header, row, strict=True))
                if says(said["attribute"]) and said["group"].strip():
                    yield {_plain(said["attribute"]): _plain(said["group"])}


def _plain(cell: str) -> str:
    return cell.strip().strip("`").strip()[:100]


def _targets(tables: list[Table]) -> Iterator[str]:
    for table in tables:
        if "target" in table.header:
            at = table.header.index("target")
            for row in table.rows:
                match = _TARGET.search(row[at].lower())
                yield match[0] if match else "(no id)"


def _digests(page: Page, tables: list[Table]) -> Iterator[tuple[str, str]]:
    named = page.facts.get("digests")
    pairs = [(key, value) for key, value in named.items()] if isinstance(named, dict) else []
    for table in tables:
        if {"file", "sha256"} <= {*table.header}:
            file, sha256 = table.header.index("file"), table.header.index("sha256")
            pairs += [(_plain(row[file]), _plain(row[sha256])) for row in table.rows]
    for path, digest in pairs:
        plain = digest.removeprefix("sha256:").lower() if isinstance(digest, str) else ""
        if re.fullmatch(r"[0-9a-f]{64}", plain):
            yield path[:200], plain


def _reporting(page: Page) -> dict[str, str]:
    """What a page on reporting says where it should: an address, model behavior, a time of response."""
    contact, scope, time = (_under(page.lines, words) for words in _REPORTING)
    covered = [part for part in _SENTENCE.split(scope) if not _LEFT_OUT.search(part)]
    found = {
        "contact": _CONTACT.search(contact) is not None or "contact" in page.facts,
        "covers_model": any(map(_BEHAVIOR.search, covered)),
        "response_time": _TIME.search(time) is not None,
    }
    return {name: "given" for name, given in found.items() if given}


def _under(lines: list[str], words: tuple[str, ...]) -> str:
    """What stands under headings with one of the words, and behind keys with one, as ``Scope: ...``."""
    found, level = [], 0
    for line, below in pairwise([*lines, ""]):
        heading = _MARKED.match(line)
        rank = len(heading[1]) if heading else 2 if _UNDERLINE.fullmatch(below) and line.strip() else 0
        key, _, value = line.partition(":")
        if rank and not 1 < level < rank:
            named = any(word in line.lower() for word in words) and not _LEFT_OUT.search(line)
            level = rank if named else 0
        elif rank and _LEFT_OUT.search(line):
            level = 0
        elif level:
            found.append(line)
        elif value and len(key) < _LONGEST_KEY and any(word in key.lower() for word in words):
            found.append(value)
    return "\n".join(found)


# What is counted of the rows


def _months(sources: Sources) -> dict[str, int]:
    """Rows by month of the column of time; none where there is no such column or it holds no dates."""
    column = sources.data.time
    if column is None:
        return {}
    counts: Counter[str] = Counter()
    for name, rows in (_rows_by_label(sources, "audit", column) or {}).items():
        match = _MONTH.match(name)
        counts[match[0] if match else ""] += rows
    return dict(sorted(counts.items()))


def _opted_out(sources: Sources) -> dict[str, Opted | None]:
    """Rows whose person opted out, of the audited and of the training rows; None where they do not say."""
    column = sources.data.opt_out
    roles = [
        role for role in ("audit", "train") if column is not None and sources.system.source(role) is not None
    ]
    made: dict[str, Opted | None] = {}
    for role in roles:
        rows = _rows_by_label(sources, role, column or "")
        out = sum(n for name, n in (rows or {}).items() if name.strip().casefold() in _YES)
        made[role] = None if rows is None else Opted(out, sum(rows.values()))
    return made


def _rows_by_label(sources: Sources, role: str, column: str) -> dict[str, int] | None:
    """Rows by canonical label of a column; None where the table has no such column."""
    source, folder, key = sources.system.source(role), sources.system.folder, f"data.{role}"
    if column not in header(source, key=key, folder=folder):
        return None
    labels = Frame.open(source, key=key, folder=folder, columns=[column]).labels(column)
    return dict(
        zip(labels.names, np.bincount(labels.codes, minlength=len(labels.names)).tolist(), strict=True)
    )
