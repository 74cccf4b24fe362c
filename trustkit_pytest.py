"""The pytest plugin: each control of a configuration is a test, and a fixture audits whatever a test likes.

It lies beside the package: pytest imports it in every run, and to import a
module of the package is to import the package first. Nothing of trustkit is
imported until a configuration is named or the fixture is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trustkit.scorecard import ControlResult, Scorecard

_MOST_LINES = 20
"""Findings of a control that its failure shows."""


class Audits:
    """Scorecards of a session: equal calls are audited once.

    Parameters
    ----------
    paths : list of Path
        The configurations that pytest was given.
    """

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self._made: dict[str, Scorecard | Exception] = {}

    def __call__(self, *arguments: Any, **keys: Any) -> Scorecard:
        """Audit as `trustkit.audit` does; without a model, data or `config`, the one configuration named.

        Raises
        ------
        ConfigError
            What is wrong with the configuration or the input.
        UsageError
            No configuration was named, or several were.
        """
        if not arguments and not {"model", "data", "config"} & set(keys):
            if len(self.paths) != 1:
                named = ", ".join(map(str, self.paths)) or "none"
                raise pytest.UsageError(f"trustkit_audit() needs one configuration; --trustkit names {named}")
            keys["config"] = self.paths[0]
        key = _key(arguments, keys)
        if key is None:
            return _audit(*arguments, **keys)
        if key not in self._made:
            try:
                self._made[key] = _audit(*arguments, **keys)
            except Exception as error:
                self._made[key] = error
        made = self._made[key]
        if isinstance(made, Exception):
            raise made
        return made

    def known(self, path: Path) -> Scorecard | None:
        """Scorecard of a configuration, if it was audited."""
        made = self._made.get(_key((), {"config": path}) or "")
        return None if isinstance(made, Exception) else made


def _audit(*arguments: Any, **keys: Any) -> Scorecard:
    from trustkit.auditing import audit

    return audit(*arguments, **keys)


def _key(arguments: tuple[Any, ...], keys: dict[str, Any]) -> str | None:
    """What tells a call from others; None where it is given objects, which may change between two calls."""
    try:
        return json.dumps([os.getcwd(), arguments, keys], sort_keys=True, default=_text)
    except TypeError:
        return None


def _text(value: object) -> str:
    if isinstance(value, Path | date):
        return str(value)
    raise TypeError


_AUDITS = pytest.StashKey[Audits]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take configurations from the command line, or from pytest's own configuration."""
    parser.getgroup("trustkit").addoption(
        "--trustkit",
        action="append",
        default=[],
        metavar="PATH",
        help="Audit a configuration, a file or the folder that holds it: each control is a test. Repeatable.",
    )
    parser.addini(
        "trustkit",
        type="paths",
        default=[],
        help="Configurations to audit, unless the command line names --trustkit, or other tests to run.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the configurations that are named to what is collected."""
    asked = [config.invocation_params.dir / path for path in config.getoption("trustkit")]
    paths = [_configuration(path) for path in asked or config.getini("trustkit")]
    config.stash[_AUDITS] = Audits(paths)
    if asked or config.args_source != pytest.Config.ArgsSource.ARGS:
        named = {config.invocation_params.dir / argument.partition("::")[0] for argument in config.args}
        config.args += [str(path) for path in paths if path not in named]


def _configuration(path: Path) -> Path:
    """File of a configuration that is valid as far as it can be told without its data."""
    from trustkit.config import Config
    from trustkit.errors import ConfigError

    try:
        file = Config.read(path).path
    except ConfigError as error:
        raise pytest.UsageError(f"--trustkit: {error}") from None
    return Path(os.path.abspath(file or path))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Configuration | None:
    """Collect a configuration that was named."""
    if file_path not in parent.config.stash[_AUDITS].paths:
        return None
    return Configuration.from_parent(parent, path=file_path)


class Configuration(pytest.File):
    """A configuration: its controls, and the plugins that did not load."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test a control, without auditing."""
        from trustkit import checks
        from trustkit.auditing import planned
        from trustkit.errors import ConfigError
        from trustkit.policy.overlays import broken
        from trustkit.system import System

        try:
            plan = planned(System.read(self.path), None, only=None, as_of=None)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        for control, _ in plan.controls:
            yield Control.from_parent(self, name=control.id)
        for name, why in {**checks.discover()[1], **broken()}.items():
            yield Broken.from_parent(self, name=name, why=why)


class Control(pytest.Item):
    """A control. It fails where it keeps the gate from holding; what is waived is an expected failure."""

    def runtest(self) -> None:
        """Audit, unless that was done, and look up the verdict."""
        from trustkit.errors import ConfigError

        try:
            card = self.config.stash[_AUDITS](config=self.path)
        except ConfigError as error:
            pytest.fail(str(error), pytrace=False)
        control = next(control for control in card.controls if control.id == self.name)
        if control.id in card.gate.blocking or control.verdict == "error":
            pytest.fail("\n".join(_lines(card, control)), pytrace=False)
        if control.verdict == "fail" or control.waiver is not None:
            pytest.xfail(_reason(card, control))
            pytest.fail("\n".join(_lines(card, control)), pytrace=False)  # --runxfail
        if control.verdict != "pass":
            pytest.skip(_reason(card, control))

    def reportinfo(self) -> tuple[Path, None, str]:
        """File and name of the control."""
        return self.path, None, self.name


class Broken(pytest.Item):
    """A plugin that did not load: the gate does not hold."""

    def __init__(self, *, why: str, **keys: Any) -> None:
        super().__init__(**keys)
        self.why = why

    def runtest(self) -> None:
        """Fail."""
        pytest.fail(f"a plugin did not load: {self.why}", pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """File and name of the plugin."""
        return self.path, None, self.name


def _lines(card: Scorecard, control: ControlResult) -> Iterator[str]:
    """What holds a control back, worst first, and what mends it."""
    from trustkit.renderers.results import results_of

    told = results_of(card, control)
    yield f"{control.id} {control.title}: {control.requirement}"
    yield from (result.text for result in told[:_MOST_LINES])
    if len(told) > _MOST_LINES:
        yield f"and {len(told) - _MOST_LINES} more"
    yield from dict.fromkeys(result.remedy for result in told if result.remedy)


def _reason(card: Scorecard, control: ControlResult) -> str:
    """Why a control is no pass, and why that does not fail the test."""
    from trustkit.renderers import words
    from trustkit.renderers.results import results_of

    if control.verdict == "attested":
        return f"{control.id}: {words.attestation(control)}"
    told = [(result.lifted or _never(control), result.text) for result in results_of(card, control)[:1]]
    parts = [control.id, *(part for worst in told for part in worst)]
    return ": ".join(part for part in parts if part)


def _never(control: ControlResult) -> str:
    return "does not block, by fail_on" if control.verdict == "fail" else ""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say of each configuration whether its gate holds: a run of skipped controls looks green."""
    audits = config.stash[_AUDITS]
    cards = {path: card for path in audits.paths if (card := audits.known(path)) is not None}
    if not cards:
        return
    from trustkit.renderers import words

    terminalreporter.section("trustkit")
    for path, card in cards.items():
        terminalreporter.write_line(f"{os.path.relpath(path, config.rootpath)}: gate {words.gate(card)}")


@pytest.fixture(scope="session")
def trustkit_audit(pytestconfig: pytest.Config) -> Callable[..., Scorecard]:
    """Return a function that audits as `trustkit.audit` does.

    Without a model, data or ``config`` it audits the configuration that pytest
    was given. Calls with equal arguments share one scorecard a session; calls
    with objects in memory do not.
    """
    return pytestconfig.stash[_AUDITS]
