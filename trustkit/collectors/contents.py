"""The collector of contents: look at the values of each column and at the texts in the model's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustkit.detectors import detectors
from trustkit.detectors.content import Content
from trustkit.detectors.detector import examine
from trustkit.detectors.values import MOST_ROWS, MOST_VALUES, Values, distinct
from trustkit.evidence.contents import AUDIT, MODEL, TRAIN, Column, Contents
from trustkit.models.scanning import scan

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources
    from trustkit.frames import Frame


def collect_contents(sources: Sources) -> Contents:
    """Count by detector what each column of the audited and the training rows holds, and the model's file."""
    columns: dict[tuple[str, str], Column] = {}
    for where in (AUDIT, TRAIN):
        frame = sources.whole(where)
        if frame is not None:
            columns |= columns_of(frame, where, sources.seed)
    columns |= _of_model(sources)
    return Contents(schema_of(sources.seed, sources.input_names, sources.data.unit), columns)


def columns_of(frame: Frame, where: str, seed: int = 0) -> dict[tuple[str, str], Column]:
    """Examine each column of a table."""
    return {(where, name): column_of(name, distinct(frame, name, seed)) for name in frame.columns}


def column_of(name: str, values: Values) -> Column:
    """Examine the distinct values of a column, or the texts of a file."""
    hits = examine(Content.of(name, values), detectors())
    return Column(values.rows, len(values.texts), values.of, hits)


def schema_of(seed: int = 0, inputs: list[str] | None = None, unit: str | None = None) -> dict[str, Any]:
    """What the detectors are, and what was declared of the columns."""
    told = {
        each.name: {"family": each.family, "title": each.title, "chance": each.chance} for each in detectors()
    }
    return {
        "seed": seed,
        "most_rows": MOST_ROWS,
        "most_values": MOST_VALUES,
        "inputs": sorted(inputs or ()),
        "unit": unit,
        "detectors": told,
    }


def _of_model(sources: Sources) -> dict[tuple[str, str], Column]:
    """What the texts inside the model's file hold; nothing where there is no file."""
    name, folder = sources.system.config.system.model, sources.system.folder
    if sources.system.model is not None or name is None or not (folder / name).exists():
        return {}
    texts: list[str] = []
    scan(folder / name, texts=texts)
    return {(MODEL, name): column_of("", Values.of_texts(texts, sources.seed))} if texts else {}
