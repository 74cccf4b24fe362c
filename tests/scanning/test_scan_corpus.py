"""The two corpora: nothing hostile passes, nothing honest is dangerous, little of it is unknown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from trustkit.models.scanning import scan

if TYPE_CHECKING:
    from honest_corpus import Honest
    from hostile_corpus import Hostile


def test_the_hostile_corpus_is_as_large_as_promised(hostile: list[Hostile]) -> None:
    assert len({file.content for file in hostile}) >= 120


@pytest.mark.end_to_end
def test_the_honest_corpus_is_as_large_as_promised(honest: list[Honest]) -> None:
    assert len({file.content for file in honest}) >= 400
    assert min(Counter(file.half for file in honest).values()) >= 200


def test_no_hostile_file_passes(hostile: list[Hostile]) -> None:
    assert [file.name for file in hostile if scan(file.content).verdict == "allowed"] == []


def test_hostile_verdicts_do_not_depend_on_the_name(hostile: list[Hostile], tmp_path) -> None:
    for file, suffix in zip(
        hostile, [".safetensors", ".onnx", ".txt", ".h5", ".pt", ".joblib", ""] * 99, strict=False
    ):
        path = tmp_path / f"m{suffix}"
        path.write_bytes(file.content)
        assert scan(path).verdict == scan(file.content).verdict


@pytest.mark.end_to_end
def test_the_half_behind_the_list_is_allowed(honest: list[Honest]) -> None:
    refused = [(file.name, scan(file.content)) for file in honest if file.half == 0]
    assert [(name, report.findings) for name, report in refused if report.verdict != "allowed"] == []


@pytest.mark.end_to_end
def test_the_other_half_is_known(honest: list[Honest]) -> None:
    verdicts = Counter(scan(file.content).verdict for file in honest if file.half == 1)
    assert set(verdicts) <= {"allowed", "unknown import"}
    assert verdicts["unknown import"] <= 0.02 * verdicts.total()


@pytest.mark.parametrize("technique", ["gadgets", "protocols", "dotted", "nested", "behind_arrays"])
def test_most_techniques_are_named_dangerous(hostile: list[Hostile], technique: str) -> None:
    verdicts = Counter(scan(f.content).verdict for f in hostile if f.name.startswith(technique))
    assert verdicts["dangerous"] >= 0.8 * verdicts.total()
