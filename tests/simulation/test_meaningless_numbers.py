"""Numbers of no meaning, random or counting up by any step, are taken for no identifier at any length."""

import numpy as np
import pytest

from trustkit.checks.data_protection.personal_data import personal_data
from trustkit.collectors.contents import schema_of
from trustkit.detectors import detectors
from trustkit.detectors.content import Content
from trustkit.detectors.detector import examine
from trustkit.evidence.contents import AUDIT, Column, Contents

pytestmark = pytest.mark.slow

CHECKED = [each for each in detectors() if each.chance]
STEPS = (1, 2, 3, 5, 7, 9, 10, 11, 13, 50, 97, 100, 101, 1000, 1009)
PREFIXES = (
    "4",
    "5",
    "35",
    "86",
    "2",
    "90",
    "1",
    "3",
    "7",
    "22",
    "1024",
    "3104",
    "900101",
    "8600",
    "200",
    "99",
)


def taken(texts):
    """What a column of such texts is taken for."""
    hits = examine(Content("c", texts), CHECKED)
    column = Column(len(texts), len(texts), len(texts), hits)
    judged = personal_data(Contents(schema_of(0, ["c"]), {(AUDIT, "c"): column}))
    return [each.note for each in judged if "column" in each.subject]


@pytest.mark.parametrize("length", range(9, 20))
def test_numbers_that_count_up(length):
    rng = np.random.default_rng(length)
    for step in STEPS:
        for n in (200, 2000, 10_000):
            for _ in range(3):
                start = int(rng.integers(10 ** min(length - 1, 17), 9 * 10 ** min(length - 1, 17)))
                start *= 10 ** max(length - 18, 0)
                texts = [str(start + step * at) for at in range(n)]
                assert taken([each for each in texts if len(each) == length]) == [], (step, n)


@pytest.mark.parametrize("ending", ["", "0", "00"])
@pytest.mark.parametrize("length", range(9, 20))
def test_random_numbers_behind_a_prefix(length, ending):
    rng = np.random.default_rng(length)
    for prefix in PREFIXES:
        free = length - len(prefix) - len(ending)
        if free >= 3:
            texts = {prefix + "".join(map(str, row)) + ending for row in rng.integers(0, 10, (10_000, free))}
            assert taken(sorted(texts)) == [], prefix
