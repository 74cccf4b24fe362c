"""The command that tries remedies for what failed, and saves the one that a person chooses."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.commands.options import (
    FILE,
    as_of_option,
    audited_config,
    policy_of,
    policy_option,
    quiet_option,
    seed_option,
    system_options,
)
from trustkit.commands.output import place_problems, progress
from trustkit.errors import ConfigError, Problem, at_once, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trustkit.config import Config
    from trustkit.models.scanning import ScanReport
    from trustkit.policy import Policy
    from trustkit.remedies.outcomes import Remedies
    from trustkit.scorecard import Scorecard


@click.command()
@system_options
@click.option(
    "--card", type=FILE, metavar="CARD", help="A scorecard.json of this system; else it is audited."
)
@click.option(
    "-o",
    "--output",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Write .html, .json, .md or .txt; repeatable.",
)
@click.option("--format", type=click.Choice(["text", "json", "md"]), default="text", show_default=True)
@click.option(
    "--save",
    nargs=2,
    multiple=True,
    metavar="NAME FILE",
    help="Save the model of a remedy as .joblib or .skops; repeatable.",
)
@policy_option
@seed_option
@as_of_option
@quiet_option
def remedy(
    path: Path | None,
    card: Path | None,
    output: tuple[Path, ...],
    format: str,
    save: tuple[tuple[str, str], ...],
    policy: str | None,
    seed: int,
    as_of: date | None,
    quiet: bool,
    **columns: Any,
) -> None:
    """Try remedies for the failed controls of bias: PATH is a configuration, as for audit.

    Thresholds by group and fairlearn's mitigations are fitted on the training
    rows and audited again: what would pass, and what it costs whom. Nothing
    is chosen; --save writes the model of the remedy that you name.
    """
    chosen = [(name, Path(file)) for name, file in save]
    with at_once(lambda: _place_problems(output, [file for _, file in chosen])):
        config, judged_by = audited_config(path, columns, as_of), policy_of(policy)
    with progress(quiet) as report:
        failed = _card(card, config, judged_by, seed, as_of, report)
        _known(chosen, failed)
        from trustkit.remedies.trying import remedy
        from trustkit.system import System

        found = remedy(System(config=config), failed, policy=judged_by, progress=report)
    _show(found, format)
    for file in output:
        found.save(file)
        _say(f"wrote {file}", quiet)
    for name, file in chosen:
        for line in _saved(name, file, found.save_model(name, file)):
            click.echo(line, err=True)


def _card(
    card: Path | None, config: Config, policy: Policy | None, seed: int, as_of: date | None, report: Any
) -> Scorecard:
    from trustkit.auditing import audit
    from trustkit.scorecard import Scorecard

    if card is not None:
        return Scorecard.load(card)
    return audit(config=config, policy=policy, seed=seed, as_of=as_of, progress=report)


def _place_problems(output: Iterable[Path], models: Iterable[Path]) -> list[Problem]:
    """What is wrong with files to be written, found before any work."""
    from trustkit.remedies.outcomes import format_of, model_problems

    problems = []
    for path in output:
        try:
            format_of(path)
        except ConfigError as error:
            problems += error.problems
    for path in models:
        problems += model_problems(path)
    return problems + [problem for path in (*output, *models) for problem in place_problems(path)]


def _known(chosen: Iterable[tuple[str, Path]], card: Scorecard) -> None:
    """Raise for each remedy to save that the card does not ask for."""
    from trustkit.remedies.candidates import candidates
    from trustkit.remedies.failures import Failures

    names = [candidate.name for candidate in candidates(Failures.of(card))]
    listed = f"; there are {', '.join(names)}" if names else ": no control of bias failed"
    problems = [
        Problem("--save", f"no remedy {name!r}{listed}", nearest(name, names))
        for name, _ in chosen
        if name not in names
    ]
    if problems:
        raise ConfigError(problems)


def _show(found: Remedies, format: str) -> None:
    from trustkit.remedies.showing import show

    width = min(max(shutil.get_terminal_size((88, 24)).columns, 80), 120)
    text = show(found, format, width=width)
    click.echo(text if format == "text" else text.encode(), nl=False)


def _saved(name: str, file: Path, report: ScanReport) -> list[str]:
    """What to write into the configuration to audit a saved model."""
    lines = [f"wrote {file}: {name}; the scan of the file: {report.verdict}", "[system]", f'model = "{file}"']
    if file.suffix.lower() != ".skops":
        lines.append(f'trust = "sha256:{report.sha256}"')
    strangers = [finding.what for finding in report.findings if finding.kind == "unknown import"]
    if strangers:
        named = ", ".join(f'"{_imported(what)}" = "..."' for what in strangers)
        lines += [
            '[options."security/artifact"]',
            f"allow = {{ {named} }}  # what you know to be safe, and why",
        ]
    return lines


def _imported(what: str) -> str:
    module, _, name = what.rpartition(".")
    return f"{module}:{name}"


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        click.echo(text, err=True)


COMMANDS = (remedy,)
