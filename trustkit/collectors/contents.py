"""The collector of contents: look at the values of each column and at the texts in the model's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustkit.detectors import detectors
from trustkit.detectors.content import Content
from trustkit.detectors.detector import examine
from trustkit.detectors.values import MOST_ROWS, MOST_VALUES, Values, distinct
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence.contents import AUDIT, MODEL, TRAIN, Column, Contents
from trustkit.models.scanning import scan

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources
    from trustkit.frames import Frame


CHECK = "data-protection/personal-data"
"""The check whose option ``declared`` names columns."""

STORED = ("_fit_X", "_raw_data", "support_vectors_", "X_fit_", "X_train_", "training_data_")
"""Attributes in which estimators keep rows that they were fitted on: neighbors, support vectors, kernels."""


def collect_contents(sources: Sources) -> Contents:
    """Count by detector what each column of the audited and the training rows holds, and the model's file.

    Raises
    ------
    ConfigError
        Where the option ``declared`` of `CHECK` names a column that is in neither table.
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
    return Contents(schema, columns, {path: names for path, names in stored.items() if names})


def _refuse_unknown(sources: Sources, there: list[str]) -> None:
    declared = sources.system.config.options.get(CHECK, {}).get("declared", ())
    unknown = [name for name in declared if name not in there]
    if unknown:
        key = f'options."{CHECK}".declared'
        raise ConfigError(
            [Problem(key, f"there is no column {name!r}", nearest(name, there)) for name in unknown]
        )


def columns_of(frame: Frame, where: str, seed: int = 0) -> dict[tuple[str, str], Column]:
    """Examine each column of a table."""
    return {(where, name): column_of(name, distinct(frame, name, seed)) for name in frame.columns}


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
