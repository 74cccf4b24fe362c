"""The two corpora, made once."""

from __future__ import annotations

import honest_corpus
import hostile_corpus
import pytest


@pytest.fixture(scope="session")
def honest() -> list[honest_corpus.Honest]:
    return list(honest_corpus.files())


@pytest.fixture(scope="session")
def hostile() -> list[hostile_corpus.Hostile]:
    return list(hostile_corpus.files())
