"""What a notebook shows of a card and of a finding, and the table of findings."""

from __future__ import annotations

import html
import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.renderers.notebook import MOST_CONTROLS
from trustkit.renderers.words import VERDICTS

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
ALLOWED = {"div", "p", "strong", "span", "br", "table", "tr", "th", "td", "small"}


class Fragment(HTMLParser):
    """Text and tags of a fragment; every tag is closed, known, and without a link or a handler."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED
        assert {name for name, _ in attrs} <= {"style", "scope"}
        assert not [value for name, value in attrs if name == "style" and "url" in value]
        if tag != "br":
            self.open.append(tag)
        self.text += "\n"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def card():
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", HOSTILE], 4000)
    log = pd.DataFrame(
        {"sex": sex, "admitted": (rng.uniform(size=4000) < np.where(sex == "F", 0.3, 0.6)) * 1}
    )
    return tk.audit(
        data=log, prediction="admitted", favorable=1, sensitive=["sex"], name=HOSTILE, purpose="p"
    )


def test_a_card_shows_its_verdicts_worst_first_and_is_inert(card):
    made = card._repr_html_()
    assert made.count("<table>") == 1
    assert "<script" not in made
    assert "<img" not in made
    shown = Fragment(made).text
    assert f"Gate {tk.renderers.words.gate(card)}" in shown
    assert HOSTILE in shown
    assert "it is no statement of compliance" in shown
    assert card.digest in shown
    ids = [control.id for control in card.controls]
    assert len(ids) <= MOST_CONTROLS
    places = {id: shown.index(f"{id} ") for id in ids}
    verdicts = [control.verdict for control in sorted(card.controls, key=lambda c: places[c.id])]
    assert verdicts == sorted(verdicts, key=list(tk.Verdict).index)
    assert verdicts[0] == "fail"


def test_a_card_stays_small_whatever_it_holds(card):
    many = card.model_copy(update={"controls": card.controls * 50})
    shown = Fragment(many._repr_html_()).text
    assert f"and {len(many.controls) - MOST_CONTROLS} more controls" in shown
    assert len(many._repr_html_()) < 60_000
    assert repr(card) == f"<Scorecard: fail, 40 controls, {len(card.findings)} findings, {card.digest}>"


def test_what_lifts_a_control_is_shown(card):
    waiver = {"by": HOSTILE, "expires": "2026-12-01", "reason": "test-data", "note": "n"}
    attestation = {"by": "M. Okafor", "on": "2026-01-01", "statement": "We do.", "current": True}
    waived = [c.model_copy(update={"waiver": waiver}) for c in card.controls if c.verdict == "fail"]
    attested = card.controls[0].model_copy(
        update={"verdict": tk.Verdict.ATTESTED, "attestation": attestation, "findings": ()}
    )
    shown = Fragment(card.model_copy(update={"controls": (*waived, attested)})._repr_html_()).text
    assert f"waived until 2026-12-01 by {tk.renderers.words.clean(HOSTILE)}" in shown
    assert "attested by M. Okafor on 2026-01-01: We do." in shown


def test_every_finding_shows_what_it_is(card):
    for finding in card.findings:
        made = finding._repr_html_()
        shown = Fragment(made).text
        assert len(made) < 8_000
        assert shown.strip().startswith(VERDICTS[finding.verdict])
        assert f"{finding.check} {finding.metric}" in shown
    failed = next(finding for finding in card.findings if finding.verdict == "fail")
    shown = Fragment(failed._repr_html_()).text
    for part in ("Limit\n>= 0.8 (29 CFR 1607.4(D)", html.unescape(failed.message)[:40], failed.remedy[:40]):
        assert part in shown


def test_an_error_shows_its_last_line(card):
    trace = "Traceback (most recent call last):\n  File ...\nValueError: oops"
    broken = card.findings[0].model_copy(update={"verdict": tk.Verdict.ERROR, "why": trace})
    shown = Fragment(broken._repr_html_()).text
    assert "ValueError: oops" in shown
    assert "Traceback" not in shown


def test_the_table_has_a_row_a_finding_with_its_controls(card):
    table = card.to_frame()
    assert isinstance(table, pd.DataFrame)
    assert list(table["id"]) == [finding.id for finding in card.findings]
    assert set(tk.Finding.model_fields) | {"controls"} == set(table.columns)
    failed = table[table["verdict"] == "fail"]
    assert {id for ids in failed["controls"] for id in ids} == {
        control.id for control in card.controls if control.verdict == "fail"
    }
    ratio = failed[failed["metric"] == "ratio"].iloc[0]
    assert (ratio["limit"]["min"], ratio["subject"]["groups"]) == (0.8, {"sex": "F"})
    claims = table[table["limit"].notna()]
    assert claims["estimate"].dtype.kind == "f"
    assert json.loads(failed.to_json(orient="records"))[0]["verdict"] == "fail"
