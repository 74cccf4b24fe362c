"""Every check keeps the contract, lives where its id says, and has its pages."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from test_cells import count, rows_of

from trustkit.checks import discover
from trustkit.testing import assert_check, assert_kind

CHECKS, ERRORS = discover()
CASES = Path(__file__).parent / "cases"


def evidence(n=600, **keys):
    return count(rows_of(n, seed=n), **keys)


def test_nothing_failed_to_load():
    assert not ERRORS
    assert list(CHECKS) == sorted(CHECKS)


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
class TestEachCheck:
    def test_contract(self, check):
        plain = {"weighted": False, "unit": False}
        assert_check(
            check,
            [
                (evidence(**plain),),
                (evidence(weighted=True, unit=False),),
                (evidence(weighted=True, unit=True),),
                (evidence(0, **plain),),
                (evidence(7, **plain),),
                (evidence(300, scored=False, **plain),),
            ],
        )

    def test_id_is_folder_and_file_and_function(self, check):
        area, name = check.id.replace("-", "_").split("/")
        module = import_module(f"trustkit.checks.{area}.{name}")
        assert getattr(module, name) is check
        assert module.__doc__.split("\n")[0] == check.title

    def test_has_a_case_page(self, check):
        assert list(CASES.glob(f"{check.id}*.md")), f"{check.id}: no page in tests/cases"

    def test_group_order_and_names_change_nothing(self, check):
        table = rows_of(600, seed=8)
        cells = count(table, weighted=False, unit=False)
        other = count(
            {**table, "race": 2 - table["race"]}, weighted=False, unit=False
        )  # the same people, the races' names exchanged
        turn = {"a": "c", "b": "b", "c": "a"}

        def told(found, names=None):
            made = {}
            for e in found:
                groups = [
                    frozenset((k, names.get(v, v) if names and k == "race" else v) for k, v in g.items())
                    if isinstance(g, dict)
                    else g
                    for g in (e.subject.get("groups"), e.subject.get("reference"))
                ]
                made[e.metric, *groups] = (round(e.value, 12), e.n, np.round(e.interval(0.01), 9).tolist())
            return made

        assert told(check(cells)) == told(check(other), turn)


def test_cells_keep_the_contract_of_evidence():
    pieces = [count(rows_of(n, seed=n)) for n in (5, 40, 300)]
    table = {name: values[:0] for name, values in rows_of(5).items()}
    assert_kind(pieces, count(table))
