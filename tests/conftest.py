"""Every card that a test makes validates against the shipped schema; each worker has one thread."""

import json
import os
from pathlib import Path

import jsonschema
import pytest

import trustkit.auditing
import trustkit.collectors.malformed
import trustkit.judging.carding
import trustkit.scorecard

SCHEMAS = Path(trustkit.scorecard.__file__).parent / "schemas"


def pytest_configure(config):
    """Several workers with as many threads each as there are cores wait for one another."""
    if config.getoption("numprocesses", 0):
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def every_card_keeps_the_schema():
    shipped = json.loads((SCHEMAS / "scorecard.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(shipped)(shipped)
    made = trustkit.judging.carding.card
    seen = set()

    def is_new(finding):
        """Findings of one check with values of the same types are alike, and there are many thousands."""
        kinds = tuple((name, type(value)) for name, value in finding.items())
        kind = (finding["check"], finding["metric"], finding["verdict"], tuple(finding["subject"]), kinds)
        return kind not in seen and not seen.add(kind)

    def validated(*arguments, **keys):
        card = made(*arguments, **keys)
        data = json.loads(card.to_json())
        data["findings"] = [finding for finding in data["findings"] if is_new(finding)]
        validator.validate(data)
        return card

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trustkit.judging.carding, "card", validated)
        patch.setattr(trustkit.auditing, "card", validated)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_code_host():
    """Under GitHub Actions the commands speak to the runner: tests say where they run, how wide."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY", "CI_PROJECT_DIR"):
            patch.delenv(name, raising=False)
        patch.setenv("COLUMNS", "88")
        yield


@pytest.fixture(autouse=True, scope="session")
def fewer_further_columns():
    """The widest of the malformed tables takes half a second, in each of hundreds of audits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trustkit.collectors.malformed, "MANY_COLUMNS", 1000)
        yield
