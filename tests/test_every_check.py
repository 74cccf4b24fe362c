"""Every check keeps the contract, lives where its id says, and has its pages."""

import importlib.util
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_cells import count, rows_of
from test_confidences import confidences_of, confidences_samples
from test_consistency import neighbors_of, neighbors_samples
from test_data_quality import quality_of, quality_samples
from test_dependencies import dependencies_samples
from test_endpoint_probes import nothing_probed, probes_of, probes_samples
from test_evasion import evasions_of, evasions_samples
from test_extraction import copies_of, copies_samples
from test_flips import flips_of, flips_samples
from test_inferences import inferences_of, inferences_samples
from test_input_handling import trials_of, trials_samples
from test_invariances import expectations_of, expectations_samples
from test_leakage import overlaps_of, overlaps_samples
from test_loading import artifacts
from test_memberships import memberships_of, memberships_samples
from test_minimization import ablations_of, ablations_samples
from test_own_output import exposures_of, exposures_samples
from test_performance import fits_of, fits_samples
from test_personal_data import contents_of, contents_samples
from test_provenance import provenances
from test_proxies import proxies_of, proxies_samples
from test_re_identification import classes_of_people, classes_samples, no_people
from test_records import records_of, samples
from test_regression import count as residuals_of
from test_regression import residual_samples, table_of
from test_representation import populations, profiles, profiles_of
from test_reruns import reruns_of
from test_robustness import perturbations_of, perturbations_samples
from test_shift import shifts_of, shifts_samples
from test_subgroups import slices_of, slices_samples
from test_watched import watched_samples

from trustkit.checks import discover
from trustkit.evidence.ablations import Ablations
from trustkit.evidence.artifacts import Artifacts
from trustkit.evidence.cells import Cells
from trustkit.evidence.classes import Classes
from trustkit.evidence.confidences import Confidences
from trustkit.evidence.contents import Contents
from trustkit.evidence.copies import Copies
from trustkit.evidence.dependencies import Dependencies
from trustkit.evidence.evasions import Evasions
from trustkit.evidence.expectations import Expectations
from trustkit.evidence.exposures import Exposures
from trustkit.evidence.fits import Fits
from trustkit.evidence.flips import Flips
from trustkit.evidence.inferences import Inferences
from trustkit.evidence.memberships import Memberships
from trustkit.evidence.neighbors import Neighbors
from trustkit.evidence.overlaps import Overlaps
from trustkit.evidence.perturbations import Perturbations
from trustkit.evidence.population import Population
from trustkit.evidence.probes import Probes
from trustkit.evidence.profiles import Profiles
from trustkit.evidence.provenance import Provenance
from trustkit.evidence.proxies import Proxies
from trustkit.evidence.quality import Quality
from trustkit.evidence.records import Records
from trustkit.evidence.reruns import Reruns
from trustkit.evidence.residuals import Residuals
from trustkit.evidence.shifts import Shifts
from trustkit.evidence.slices import Slices
from trustkit.evidence.trials import Trials
from trustkit.evidence.watched import Watched
from trustkit.testing import assert_check, assert_kind

CHECKS, ERRORS = discover()
CASES = Path(__file__).parent / "cases"


def evidence(n=600, **keys):
    return count(rows_of(n, seed=n), **keys)


def cells() -> list[Cells]:
    plain = {"weighted": False, "unit": False}
    return [
        evidence(**plain),
        evidence(weighted=True, unit=False),
        evidence(weighted=True, unit=True),
        evidence(0, **plain),
        evidence(7, **plain),
        evidence(300, scored=False, **plain),
    ]


SAMPLES: dict[type, Callable[[], list[Any]]] = {
    Ablations: ablations_samples,
    Artifacts: artifacts,
    Cells: cells,
    Confidences: confidences_samples,
    Contents: contents_samples,
    Classes: classes_samples,
    Copies: copies_samples,
    Dependencies: dependencies_samples,
    Evasions: evasions_samples,
    Exposures: exposures_samples,
    Expectations: expectations_samples,
    Fits: fits_samples,
    Flips: flips_samples,
    Inferences: inferences_samples,
    Memberships: memberships_samples,
    Neighbors: neighbors_samples,
    Overlaps: overlaps_samples,
    Perturbations: perturbations_samples,
    Population: populations,
    Probes: probes_samples,
    Profiles: profiles,
    Provenance: provenances,
    Proxies: proxies_samples,
    Quality: quality_samples,
    Records: samples,
    Residuals: residual_samples,
    Reruns: lambda: [reruns_of(n, score=score) for n in (0, 3, 2500) for score in (True, False)],
    Shifts: shifts_samples,
    Slices: slices_samples,
    Trials: trials_samples,
    Watched: watched_samples,
}
"""Samples of each kind of evidence; a check of several kinds gets the nth of each."""

OPTIONS: dict[str, dict[str, Any]] = {
    "inclusion/access-parity": {"attributes": ["race", "sex"], "served": {"race": ["a", "z"]}},
    "monitoring/coverage": {"last_seen": date(2026, 11, 1), "as_of": date(2026, 11, 23)},
    "monitoring/staleness": {"deployed": "2026.1", "as_of": date(2026, 11, 23)},
}
"""Options of the checks that yield nothing by their defaults."""


def needed(check):
    """Kinds of evidence without which a check does not run; what is optional comes after them."""
    return [kind for name, kind in check.needs.items() if name not in check.optional]


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
class TestEachCheck:
    def test_contract(self, check):
        samples = list(zip(*(SAMPLES[kind]() for kind in check.needs.values()), strict=False))
        none = [None] * len(check.optional)
        fewer = [(*sample[: len(needed(check))], *none) for sample in samples] if none else []
        assert_check(check, samples + fewer, OPTIONS.get(check.id))

    def test_id_is_folder_and_file_and_function(self, check):
        area, name = check.id.replace("-", "_").split("/")
        module = import_module(f"trustkit.checks.{area}.{name}")
        assert getattr(module, name) is check
        assert module.__doc__.split("\n")[0] == check.title

    def test_has_a_case_page(self, check):
        assert list(CASES.glob(f"{check.id}*.md")), f"{check.id}: no page in tests/cases"


@pytest.mark.parametrize("check", [c for c in CHECKS.values() if needed(c) == [Cells]], ids=lambda c: c.id)
def test_group_order_and_names_change_nothing(check):
    table = rows_of(600, seed=8)
    cells = count(table, weighted=False, unit=False)
    other = count(
        {**table, "race": 2 - table["race"]}, weighted=False, unit=False
    )  # the same people, the races' names exchanged
    turn = {"a": "c", "b": "b", "c": "a"}
    options = {key: value for key, value in OPTIONS.get(check.id, {}).items() if key != "served"}

    def told(found, names=None):
        made = {}
        for e in found:
            groups = [
                frozenset((k, names.get(v, v) if names and k == "race" else v) for k, v in g.items())
                if isinstance(g, dict)
                else g
                for g in (e.subject.get("groups"), e.subject.get("reference"))
            ]
            value = None if np.isnan(e.value) else round(e.value, 12)
            made[e.metric, *groups] = (value, e.n, str(np.round(e.interval(0.01), 9)))
        return made

    none = [None] * len(check.optional)
    assert told(check(cells, *none, **options)) == told(check(other, *none, **options), turn)


KINDS = {
    "ablations": ([ablations_of(n) for n in (40, 300, 900)], ablations_of(0)),
    "artifacts": (artifacts()[:3], artifacts()[3]),
    "cells": (
        [count(rows_of(n, seed=n)) for n in (5, 40, 300)],
        count({name: values[:0] for name, values in rows_of(5).items()}),
    ),
    "classes": ([classes_of_people(n) for n in (3, 40, 300)], no_people()),
    "copies": (copies_samples()[:3], copies_of(0)),
    "dependencies": (dependencies_samples()[:3], dependencies_samples()[3]),
    "evasions": (evasions_samples()[:3], evasions_of(0)),
    "contents": ([contents_of(n) for n in (3, 40, 400)], contents_of(0)),
    "confidences": ([confidences_of(n) for n in (40, 300, 900)], confidences_of(0)),
    "exposures": ([exposures_of(n, 1) for n in (3, 40, 300)], exposures_of(0)),
    "expectations": ([expectations_of(n) for n in (3, 40, 900)], expectations_of(0)),
    "fits": ([fits_of(n) for n in (40, 300, 900)], fits_of(0)),
    "flips": ([flips_of(n) for n in (3, 40, 900)], flips_of(0)),
    "inferences": ([inferences_of(n) for n in (3, 40, 900)], inferences_of(0)),
    "memberships": ([memberships_of(n) for n in (3, 40, 900)], memberships_of(0)),
    "neighbors": ([neighbors_of(n) for n in (7, 40, 300)], neighbors_of(0)),
    "overlaps": ([overlaps_of(n) for n in (5, 40, 300)], overlaps_of(0)),
    "perturbations": ([perturbations_of(n) for n in (7, 40, 900)], perturbations_of(0)),
    "population": (populations()[:1] * 3, populations()[0]),
    "probes": ([probes_of(n) for n in (3, 40, 300)], nothing_probed()),
    "profiles": ([profiles_of(n) for n in (5, 40, 300)], profiles_of(0)),
    "provenance": (provenances()[:3], provenances()[3]),
    "proxies": ([proxies_of(n) for n in (3, 40, 900)], proxies_of(0)),
    "quality": ([quality_of(n) for n in (5, 40, 300)], quality_of(0)),
    "records": ([records_of()] * 3, records_of()),
    "residuals": (
        [residuals_of(table_of(n)) for n in (5, 40, 300)],
        residuals_of({name: values[:0] for name, values in table_of(5).items()}),
    ),
    "reruns": ([reruns_of(n) for n in (3, 40, 2500)], reruns_of(0)),
    "shifts": ([shifts_of(n) for n in (3, 40, 900)], shifts_of(0)),
    "slices": ([slices_of(n) for n in (300, 600, 1500)], slices_of(0)),
    "trials": ([trials_of(n) for n in (1, 3, 6)], trials_samples()[3]),
}
"""Three samples of each kind that adds, and one of nothing, under one schema."""


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_keeps_its_contract(kind):
    assert_kind(*KINDS[kind])


def test_the_pages_of_the_checks_are_those_of_the_code():
    root = Path(__file__).parents[1]
    spec = importlib.util.spec_from_file_location("check_pages", root / "scripts" / "check_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    committed = {path.name: path.read_text() for path in (root / "docs" / "checks").glob("*.md")}
    assert committed == module.pages(), "run: python -m scripts.check_pages"
