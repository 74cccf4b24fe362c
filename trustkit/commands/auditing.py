"""The commands that audit: in one go, or in steps."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.commands.options import (
    FILE,
    as_of_option,
    audited_config,
    format_option,
    output_option,
    policy_of,
    policy_option,
    quiet_option,
    seed_option,
    system_options,
)
from trustkit.commands.output import card_problems, deliver, place_problems, progress, sign_problems
from trustkit.commands.places import places_of
from trustkit.errors import ConfigError, Problem, at_once, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustkit.config import Config
    from trustkit.evidence import Evidence

_evidence_option = click.option(
    "-o", "--output", required=True, type=FILE, metavar="FILE", help="Write the evidence to FILE, as JSON."
)
_baseline_option = click.option(
    "--baseline",
    type=FILE,
    metavar="CARD",
    help="An earlier scorecard (JSON), or evidence: what is worse blocks, what failed already does not.",
)
_sign_option = click.option(
    "--sign", type=FILE, metavar="KEY", help="Sign the JSON cards: an Ed25519 private key in PEM."
)


@click.command()
@system_options
@output_option
@format_option
@policy_option
@click.option("--only", multiple=True, metavar="ID", help="A check, control or area; repeatable.")
@_baseline_option
@_sign_option
@click.option("--fail-on", type=click.Choice(["fail", "inconclusive", "never"]), help="What blocks the gate.")
@seed_option
@as_of_option
@click.option(
    "--cache",
    type=FILE,
    metavar="DIR",
    help="Keep evidence in DIR, and reuse it while files, configuration, seed and packages are equal.",
)
@quiet_option
def audit(
    path: Path | None,
    output: tuple[Path, ...],
    format: str,
    policy: str | None,
    only: tuple[str, ...],
    baseline: Path | None,
    sign: Path | None,
    fail_on: str | None,
    seed: int,
    as_of: date | None,
    cache: Path | None,
    quiet: bool,
    **columns: Any,
) -> None:
    """Audit a system: PATH is a configuration file, or a folder that holds one (default: here).

    Without a configuration: --data FILE and the columns by their roles. The
    scorecard goes to stdout and to the files of -o and [output].
    """
    with at_once(lambda: card_problems(output), lambda: _baseline_problems(baseline)):
        config, chosen = audited_config(path, columns, as_of), policy_of(policy)
        from trustkit.auditing import audit, planned
        from trustkit.system import System

        files = _files(output, config)
        with at_once(lambda: _declared_problems(config), lambda: sign_problems(sign, files)):
            planned(System(config=config), chosen, only=only or None, as_of=as_of)

    with progress(quiet) as report:
        card = audit(
            config=config,
            policy=chosen,
            only=only or None,
            fail_on=fail_on,
            seed=seed,
            as_of=as_of,
            progress=report,
            baseline=baseline,
            cache=cache,
        )
    deliver(card, format, files, places=places_of(config), key=sign, quiet=quiet)


@click.command()
@system_options
@_evidence_option
@click.option("--share", is_flag=True, help="Pool small cells; such a file does not merge.")
@click.option(
    "--epsilon",
    type=float,
    metavar="E",
    help="With --share: release counts of groups alone, with noise that makes them "
    "E-differentially private (extra private).",
)
@click.option(
    "--only",
    multiple=True,
    metavar="KIND",
    help="A kind of evidence; repeatable. A monitor needs cells, histograms and provenance.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the files of a large table that an earlier run finished, kept in FILE.parts.",
)
@seed_option
@quiet_option
def collect(
    path: Path | None,
    output: Path,
    share: bool,
    epsilon: float | None,
    only: tuple[str, ...],
    resume: bool,
    seed: int,
    quiet: bool,
    **columns: Any,
) -> None:
    """Collect the evidence of a system, to merge and to judge.

    Without --share it is exact and may hold counts of few people: treat it
    like the data.
    """
    with at_once(
        lambda: place_problems(output),
        lambda: _epsilon_problems(epsilon, share),
        lambda: _only_problems(only, epsilon),
    ):
        config = audited_config(path, columns)
    from trustkit.collectors import collect, forget
    from trustkit.system import System

    parts = output.with_name(f"{output.name}.parts")
    if not resume:
        forget(parts)
    with progress(quiet) as report, _kept(parts):
        wanted = (only or None) if epsilon is None else ["cells"]
        evidence = collected = collect(
            System(config=config), only=wanted, seed=seed, progress=report, parts=parts
        )
    if epsilon is not None:
        evidence = collected.with_noise(epsilon)
        _tell_widths(collected, evidence)
    elif share:
        evidence = collected.without_small_cells(config.policy.min_cell)
    evidence.save(output)
    forget(parts)
    if share and epsilon is None:
        left_out = [why for kind, (why, _) in evidence.absent.items() if kind not in collected.absent]
        click.echo("".join(f"warning: {why}\n" for why in left_out), err=True, nl=False)
    for kind, trace in collected.errors.items():
        click.echo(f"warning: {kind} could not be collected: {trace.strip().splitlines()[-1]}", err=True)


@contextmanager
def _kept(parts: Path) -> Iterator[None]:
    """Say where finished files are kept, if the others end in an error."""
    try:
        yield
    except ConfigError as error:
        finished = len([*parts.glob("*.json")])
        if not finished:
            raise
        found = f"the evidence of {finished} finished files is kept in {parts}: go on from there"
        raise ConfigError([*error.problems, Problem("--resume", found)]) from None


def _epsilon_problems(epsilon: float | None, share: bool) -> list[Problem]:
    if epsilon is None:
        return []
    found = "goes with --share" if not share else "" if 0 < epsilon < float("inf") else "is no number above 0"
    return [Problem("--epsilon", found)] if found else []


def _only_problems(only: tuple[str, ...], epsilon: float | None) -> Iterator[Problem]:
    from trustkit.collectors import kinds

    if only and epsilon is not None:
        yield Problem("--only", "does not go with --epsilon, which releases cells alone")
    for kind in only:
        if kind not in kinds():
            yield Problem("--only", f"no kind of evidence {kind!r}", nearest(kind, kinds()))


def _tell_widths(exact: Evidence, noisy: Evidence) -> None:
    """Say on stderr what the noise costs; the exact widths are not in the file, and not to be published."""
    from trustkit.measure.noise import widths

    for name, (before, after) in widths(exact.kinds["cells"], noisy.kinds["cells"]).items():
        told = "no group has rows enough to be released"
        if before:
            told = f"95 % intervals of {before:.3f} become {after:.3f}, {after / before:.2f} times as wide"
        click.echo(f"{name}: {told}", err=True)


@click.command()
@click.argument("evidence", nargs=-1, required=True, type=FILE, metavar="EVIDENCE...")
@_evidence_option
def merge(evidence: tuple[Path, ...], output: Path) -> None:
    """Add evidence collected in parts: any order and grouping gives the same."""
    named = Counter(path.resolve() for path in evidence)
    twice = [
        Problem(str(path), "given twice; its rows would count twice") for path in named if named[path] > 1
    ]
    with at_once(lambda: twice, lambda: place_problems(output)):
        from trustkit.evidence import Evidence

        parts = [Evidence.load(path) for path in evidence]
    total = reduce(add, parts)
    read = Counter((file.role, file.sha256) for part in parts for file in part.inputs)
    if any(times > 1 for times in read.values()):
        click.echo("warning: the same input file was counted in more than one part", err=True)
    total.save(output)


@click.command()
@click.argument("evidence", type=FILE)
@click.option("--config", type=FILE, metavar="FILE", help="Limits, waivers and gate.")
@policy_option
@_baseline_option
@_sign_option
@as_of_option
@output_option
@format_option
def judge(
    evidence: Path,
    config: Path | None,
    policy: str | None,
    baseline: Path | None,
    sign: Path | None,
    as_of: date | None,
    output: tuple[Path, ...],
    format: str,
) -> None:
    """Judge collected evidence by a policy, without data or model."""
    same = [
        Problem(str(path), "this is the evidence") for path in output if path.resolve() == evidence.resolve()
    ]
    with at_once(lambda: card_problems(output), lambda: same, lambda: _baseline_problems(baseline)):
        from trustkit.config import Config
        from trustkit.evidence import Evidence

        read = Config.of(as_of=as_of) if config is None else Config.read(config, as_of=as_of)
        files = _files(output, read)
        with at_once(lambda: _declared_problems(read), lambda: sign_problems(sign, files)):
            collected = _recorded(Evidence.load(evidence), evidence, read)
    from trustkit.judging import judge

    card = judge(collected, policy_of(policy), config=read, as_of=as_of, baseline=baseline)
    deliver(card, format, files, places=places_of(read), key=sign)


def _recorded(collected: Evidence, file: Path, config: Config) -> Evidence:
    """Evidence that names the file it was read from, so that verify sees it change."""
    from trustkit.evidence import Read

    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    path = Path(os.path.relpath(file, config.folder)).as_posix()
    return replace(collected, inputs=(*collected.inputs, Read("evidence", path, digest, 0)))


def _files(output: tuple[Path, ...], config: Config) -> list[Path]:
    """Files to write: those of -o, and the configuration's in its folder."""
    return list(dict.fromkeys([*output, *(config.folder / name for name in config.output.files)]))


def _baseline_problems(baseline: Path | None) -> list[Problem]:
    from trustkit.comparing import baseline_problems

    return baseline_problems(baseline)


def _declared_problems(config: Config) -> list[Problem]:
    """What is wrong with the files that the configuration says to write."""
    problems = card_problems([config.folder / name for name in config.output.files])
    return [problem._replace(key=f"output.files: {problem.key}") for problem in problems]


COMMANDS = (audit, collect, merge, judge)
