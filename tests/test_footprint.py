"""Footprint: how many distributions an installation brings along."""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def installed_with(requirements):
    """Names of the distributions that these need, and that those need, on this platform."""
    names, waiting = set(), [(Requirement(each), "") for each in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name not in names:
            names.add(name)
            needs = map(Requirement, distribution(name).requires or ())
            waiting += [(each, extra) for each in needs for extra in ("", *requirement.extras)]
    return names


def test_the_core_brings_at_most_14_distributions_beyond_fairlearn_and_its_needs():
    ours, theirs = installed_with(PROJECT["dependencies"]), installed_with(["fairlearn"])
    assert {"fairlearn", "numpy", "scipy", "pandas", "scikit-learn", "joblib"} <= theirs <= ours
    assert {"pydantic-core", "markupsafe"} <= ours - theirs  # what is needed by what is needed
    assert len({PROJECT["name"], *ours - theirs}) <= 14, sorted(ours - theirs)
