"""The collector of contents: the values of each column, the texts in the model's file, and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trustkit.collectors.settings import secrets_of_files
from trustkit.detectors import detectors
from trustkit.detectors.columns import MOST_ROWS, distinct
from trustkit.detectors.content import Content
from trustkit.detectors.detector import examine
from trustkit.detectors.secrets import secrets_of_cells
from trustkit.detectors.values import MOST_VALUES, Values
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence.contents import AUDIT, MODEL, TRAIN, Column, Contents, Hits
from trustkit.frames import FrameError
from trustkit.models.scanning import scan
from trustkit.models.structure import STORED

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources
    from trustkit.frames import Frame


OPTIONS = (("data-protection/personal-data", "declared"), ("data-protection/special-categories", "cleared"))
"""Options of checks that name columns."""


def collect_contents(sources: Sources) -> Contents:
    """Count by detector what each column of the audited and the training rows holds, and the model's file.

    Raises
    ------
    ConfigError
        Where one of `OPTIONS` names a column that is in neither table.
    """
    frames = {AUDIT: sources.whole(AUDIT), TRAIN: sources.whole(TRAIN)}
    there = [name for frame in frames.values() if frame is not None for name in frame.columns]
    texts = _texts(sources)
    _refuse_unknown(sources, [*there, *texts])
    columns: dict[tuple[str, str], Column] = {}
    for where, frame in frames.items():
        if frame is not None:
            columns |= columns_of(frame, where, sources.seed)
    for path, found in texts.items():
        columns[MODEL, path] = column_of("", Values.of_texts(found, sources.seed))
    stored = {path: tuple(sorted({*STORED}.intersection(found))) for path, found in texts.items()}
    known = sources.model is not None or sources.data.features is not None
    schema = schema_of(sources.seed, sources.input_names if known else None, sources.data.unit)
    kept = {path: names for path, names in stored.items() if names}
    return Contents(schema | _roles(sources), columns, kept, secrets_of_files(sources.system))


def _roles(sources: Sources) -> dict[str, Any]:
    data = sources.data
    outcomes = sorted({name for name in (data.target, data.prediction) if name is not None})
    return {"outcomes": outcomes, "sensitive": sorted(data.sensitive), "grounds": dict(data.grounds)}


def _refuse_unknown(sources: Sources, there: list[str]) -> None:
    options = sources.system.config.options
    problems = [
        Problem(f'options."{check}".{option}', f"there is no column {name!r}", nearest(name, there))
        for check, option in OPTIONS
        for name in options.get(check, {}).get(option, ())
        if name not in there
    ]
    if problems:
        raise ConfigError(problems)


def columns_of(frame: Frame, where: str, seed: int = 0) -> dict[tuple[str, str], Column]:
    """Examine each column of a table: the values that are drawn of it, and for secrets all its text."""
    columns = {}
    for name in frame.columns:
        drawn = column_of(name, distinct(frame, name, seed))
        of_all = {kind: Hits(proven=n, shaped=n) for kind, n in _secrets(frame, name).items()}
        columns[where, name] = replace(drawn, hits={**drawn.hits, **of_all})
    return columns


def _secrets(frame: Frame, name: str) -> dict[str, int]:
    """Secrets in all rows of a column of text; none where it is of another kind."""
    try:
        cells = frame.arrow(name)
    except (FrameError, UnicodeError):
        return {}
    is_text = pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)
    return secrets_of_cells(cells) if is_text else {}


def column_of(name: str, values: Values) -> Column:
    """Examine the distinct values of a column, or the texts of a file."""
    hits = examine(Content.of(name, values), detectors())
    return Column(values.rows, len(values.texts), values.of, hits)


def schema_of(seed: int = 0, inputs: list[str] | None = None, unit: str | None = None) -> dict[str, Any]:
    """What the detectors are, and what was declared of the columns; `inputs` is None where nobody said."""
    told = {
        each.name: {"family": each.family, "title": each.title, "chance": each.chance} for each in detectors()
    }
    return {
        "seed": seed,
        "most_rows": MOST_ROWS,
        "most_values": MOST_VALUES,
        "inputs": None if inputs is None else sorted(inputs),
        "unit": unit,
        "detectors": told,
    }


def _texts(sources: Sources) -> dict[str, list[str]]:
    """Text values inside the model's file, by its path; nothing where there is no file."""
    name, folder = sources.system.config.system.model, sources.system.folder
    if sources.system.model is not None or name is None or not (folder / name).exists():
        return {}
    texts: list[str] = []
    scan(folder / name, texts=texts)
    return {name: texts} if texts else {}
