"""Which imports are allowed, dangerous or unknown."""

from __future__ import annotations

import pytest
from hostile_corpus import call

from trustkit.models.scanning import scan
from trustkit.models.scanning.allowlist import Allowlist, _tables


def test_nothing_on_the_list_is_dangerous_or_dotted() -> None:
    listed = Allowlist()
    imports, calls = _tables()[0]["imports"], _tables()[0]["calls"]
    assert calls <= imports
    assert len(imports) > 500
    for module, name in imports:
        assert listed.danger(module, name) is None
        assert "." not in name


@pytest.mark.parametrize(
    ("module", "name", "verdict"),
    [
        ("os", "system", "dangerous"),
        ("os.path", "join", "dangerous"),
        ("osmnx", "Graph", "unknown import"),
        ("numpy", "load", "dangerous"),
        ("numpy", "__builtins__", "dangerous"),
        ("logging", "os.system", "dangerous"),
        ("own", "_os.path", "dangerous"),
        ("own", "Outer.Inner", "unknown import"),
        ("own", "Outer.__init__", "dangerous"),
        ("own", "Model", "unknown import"),
        ("numpy", "ndarray", None),
    ],
)
def test_verdicts(module: str, name: str, verdict: str | None) -> None:
    judged = Allowlist().judge(module, name)
    assert (judged and judged[0]) == verdict


def test_additions_by_the_user() -> None:
    assert scan(call("own.models", "Model")).verdict == "unknown import"
    assert scan(call("own.models", "Model"), allow=["own.models.Model"]).verdict == "allowed"
    assert Allowlist(["own.models:Outer.Inner"]).judge("own.models", "Outer.Inner", called=True) is None
    assert scan(call("os", "system"), allow=["os.system"]).verdict == "dangerous"
