"""A Croissant file read as a data sheet: JSON-LD about a data set, by the vocabularies of MLCommons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CONFORMS = re.compile(r"https?://mlcommons\.org/croissant/1\.\d+/?")

_REQUIRED = (
    "@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished",
    "distribution",
)  # fmt: skip
"""Properties that version 1.0 of the format requires of every data set."""

_FACTS = {
    "owner": ("maintainer", "creator", "publisher"),
    "date": ("dateModified", "datePublished"),
    "version": ("version",),
    "purpose": ("purpose", "dataUseCases", "useCases"),
    "basis": ("basis",),
    "retention": ("retention",),
    "rights": ("license",),
    "expires": ("expires",),
}
"""Facts of a data sheet, and the properties that state them; Croissant has none for basis and retention."""

_SECTIONS = {
    "Origin": ("description", "isBasedOn", "dataCollectionRawData"),
    "Collection": ("dataCollection",),
    "Preparation": (
        "dataPreprocessingProtocol", "dataManipulationProtocol", "dataAnnotationProtocol",
        "dataImputationProtocol",
    ),
    "Who is in it": ("personalSensitiveInformation", "recordSet"),
    "Quality and known gaps": ("dataLimitations", "dataBiases"),
    "Lineage": ("dataReleaseMaintenancePlan", "dataReleaseMaintenance", "isBasedOn", "wasDerivedFrom"),
}  # fmt: skip
"""Sections of a data sheet, and the properties that hold what stands under them."""


def dataset_of(tree: Any) -> dict[str, Any] | None:
    """Return the node of a data set, its properties by their local names; None where there is none.

    ``rai:dataCollection`` and ``http://mlcommons.org/croissant/RAI/dataCollection``
    are both ``dataCollection``.
    """
    nodes = tree.get("@graph", [tree]) if isinstance(tree, Mapping) else []
    for node in nodes if isinstance(nodes, list) else []:
        if isinstance(node, Mapping) and _local(_text(node.get("@type"))) == "Dataset":
            made = {_local(str(key)): value for key, value in node.items()}
            return {"@context": tree.get("@context"), **made}
    return None


def facts_of(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a data sheet that the properties state, and the digests of its files."""
    facts = {name: value for name, keys in _FACTS.items() if (value := _first(dataset, keys)) is not None}
    digests = dict(_digests(dataset.get("distribution")))
    return {**facts, "digests": digests} if digests else facts


def sections_of(dataset: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What stands under each section of a data sheet."""
    return {title: [dataset[key] for key in keys if dataset.get(key)] for title, keys in _SECTIONS.items()}


def required_of(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Each property that the format requires, with its value; None where it is not what is required."""
    values = {f"Croissant: {name}": dataset.get(name) for name in _REQUIRED}
    stated = dataset.get("conformsTo")
    listed = stated if isinstance(stated, list) else [stated]
    if not any(_CONFORMS.fullmatch(_text(each)) for each in listed):
        values["Croissant: conformsTo"] = None
    return values


def _local(key: str) -> str:
    """Local name of a property: after its prefix, or the last step of its address."""
    return key if key.startswith("@") else re.split(r"[/#:]", key)[-1]


def _text(value: Any) -> str:
    """Text of a value, or the address or the value that a node holds; of several, of the first."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, Mapping):
        value = value.get("@id", value.get("@value", ""))
    return value if isinstance(value, str) else ""


def _first(dataset: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((dataset[key] for key in keys if dataset.get(key)), None)


def _digests(distribution: Any) -> Iterator[tuple[str, str]]:
    """SHA-256 by file, as the address or the name of a file object has it."""
    for node in distribution if isinstance(distribution, list) else [distribution]:
        if isinstance(node, Mapping):
            file = {_local(str(key)): value for key, value in node.items()}
            path = _text(file.get("contentUrl")) or _text(file.get("name"))
            if path and (digest := _text(file.get("sha256"))):
                yield path.removeprefix("./"), digest
