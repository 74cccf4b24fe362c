"""The limits of a claim: the last value refuted, though few are tried and claims share what was tried."""

from __future__ import annotations

from math import log

import monitored
import numpy as np
import pytest

from trustkit.measure.betting import running
from trustkit.monitor.courses import _TRIED
from trustkit.monitor.status import Status


@pytest.fixture(scope="module")
def status():
    watch = monitored.watch_of(monitored.evidence())
    return Status.of(monitored.filled(":memory:", watch, gap_from=40).read(), watch)


def scanned(course, side, level, *, ever):
    """The last value refuted, each tried in its turn."""
    values = np.unique([*_TRIED[course.claim.form], course.claim.bound])[:: 1 if side == "max" else -1]
    found = values[0]
    for value in values[1:]:
        log_e = running(course.bets()(float(value), side))
        if (log_e.max() if ever else log_e[-1]) < log(1 / level):
            break
        found = value
    return found


@pytest.mark.parametrize("level", [0.05, 0.002])
def test_limits_are_those_of_a_scan(status, level):
    for course in status.courses.values():
        is_max = course.claim.side == "max"
        low, high = scanned(course, "max", level, ever=is_max), scanned(course, "min", level, ever=not is_max)
        expected = (low, high) if low <= high else (low, np.nan) if is_max else (np.nan, high)
        np.testing.assert_array_equal(course.limits(level), [expected], err_msg=course.claim.id)


def test_claims_of_the_same_pair_share_what_was_tried(status):
    ratio = {claim.id: status.courses[claim.id] for claim in status.watch.claims if claim.form == "ratio"}
    there, back = ratio.values()
    assert there.name(0.5, "min") == back.name(2.0, "max")
    assert there.name(0.5, "min") != back.name(2.0, "min")
    names = {course.name(0.1, "max") for course in status.courses.values()}
    assert len(names) == len(
        {(c.claim.rate, c.claim.form, str(c.claim.subject)) for c in status.courses.values()}
    )


def test_what_is_kept_of_a_null_is_its_process(status):
    for course in status.courses.values():
        course.limits(0.05)
    course = next(course for course in status.courses.values() if course.claim.form == "ratio")
    for value in (0.5, 0.9, 1.1):
        log_e = running(course.bets()(value, "min"))
        found = course._against(value, "min", course.bets())
        assert found == pytest.approx((log_e.max(), log_e[-1]), rel=1e-12, abs=1e-12)
