"""Renderers: complete, aligned with the verdicts, and inert whatever the data says."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.renderers import FORMATS, format_of, render, save
from trustkit.renderers.markdown import code, escaped
from trustkit.renderers.words import clean, number, share

HOSTILE = [
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m\x07",
    "two\nlines\r\n| --- |",
    "\u202eevil\u2066\u200b\ufeff",
    "| pipe `tick` ``two`` \\",
    "[link](http://evil.example)",
    "@everyone #1 www.evil.example",
    "x" * 5000,
]
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")


def audited(groups, rates, rows=150, **keys):
    chosen = np.repeat(np.arange(len(groups)), rows)
    decided = np.concatenate([np.arange(rows) < rate * rows for rate in rates]).astype(int)
    frame = pd.DataFrame({"group": np.array(groups, dtype=object)[chosen], "decision": decided})
    given = {"prediction": "decision", "favorable": 1, "sensitive": ["group"], "as_of": "2026-11-01"}
    given["policy"] = "fairness-baseline"
    return tk.audit(data=frame, **{**given, **keys})


@pytest.fixture(scope="module")
def hostile():
    return audited(HOSTILE, [0.05, *[0.7] * 7], name="<b>@all</b>\x1b[2J", purpose="a | b\n# c")


@pytest.fixture(scope="module")
def plain():
    return audited(["F", "M"], [0.2, 0.6])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 東京", "Zürich 東京"),
        ("\x1b[31m\x9b", "\\x1b[31m\\x9b"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\u202e\u2028\ufeff\ud800", "\\u202e\\u2028\\ufeff\\ud800"),
        ("x" * 61, "x" * 37 + "..." + "x" * 20),
    ],
)
def test_clean_text_is_visible_and_short(text, shown):
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "undefined"), (0, "0"), (0.62, "0.620"), (-0.0714, "-0.0714"), (1.4, "1.40"), (12345, "12,345")],
)
def test_numbers_have_three_digits_and_no_exponent(value, shown):
    assert number(value) == shown


def test_what_is_not_all_never_reads_as_all():
    assert [share(1.0), share(0.9999), share(0.29)] == ["100 %", "99 %", "29 %"]


def test_text_says_first_what_one_needs(plain):
    lines = render(plain).splitlines()
    assert lines[2] == "GATE     does not hold: TK-FAI-02 FAIL"
    assert lines[3] == "VERDICT  FAIL"
    assert lines[4].startswith("SCORE    0 of 100, 0 to 73 once all is settled; 26 % of the weight")
    assert "FAIL          TK-FAI-02  Outcome disparity" in lines
    start = lines.index("FAILURES (1), worst first")
    failures = " ".join(lines[start + 1 : start + 3])
    assert re.fullmatch(
        r"bias/selection-rate ratio of group=F against group=M: "
        r"0\.333 \[0\.\d+, 0\.\d+\], limit >= 0\.8, n 150/150",
        " ".join(failures.split()),
    )
    assert " ".join(lines).endswith("it is no statement of compliance.")


def test_needs_are_named_once_and_the_cheapest_first(plain):
    text = render(plain)
    needs = text[text.index("TO SETTLE THE REST") : text.index("NOTES")]
    assert len(re.findall("supply data.target", needs)) == 1


def test_many_failures_are_cut_and_counted():
    card = audited([f"g{i}" for i in range(8)], [0.05] * 4 + [0.9] * 4)
    failed = sum(finding.verdict == "fail" for finding in card.findings)
    assert failed > 12
    assert f"FAILURES ({failed}), worst first" in render(card)
    assert f"  and {failed - 12} more" in render(card)


def test_a_partial_card_says_so():
    card = audited(["F", "M"], [0.6, 0.6], only=["bias/selection-rate"])
    text = render(card)
    assert "SCORE    none: a partial card, only bias/selection-rate" in text
    assert "not selected" not in text


def test_waivers_attestations_and_errors_are_told():
    waiver = {
        "control": "TK-FAI-02", "reason": "accepted-risk", "note": "a pilot\x1b[2J", "by": "me",
        "expires": "2026-12-01",
    }  # fmt: skip
    attestation = {"TK-FAI-04": {"statement": "looked at", "by": "me", "on": "2026-10-01"}}
    card = audited(["F", "M"], [0.2, 0.6], waivers=[waiver], attestations=attestation)
    told = " ".join(render(card).split())
    assert "GATE holds (TK-FAI-02 waived)" in told
    assert "TK-FAI-02: waived until 2026-12-01 by me: accepted-risk: a pilot\\x1b[2J" in told
    assert "TK-FAI-04: attested by me on 2026-10-01: looked at" in told
    page = render(card, "md")
    assert "Waiver: `waived until 2026-12-01" in page
    assert "Attestation: `attested by me" in page


def test_an_error_is_told_by_its_last_line_and_in_full_in_markdown():
    frame = pd.DataFrame({"g": ["a", "b"] * 50, "y": [0, 1] * 50, "d": [0, 1, 1, 0] * 25, "s": [0.5, 2] * 50})
    card = tk.audit(data=frame, target="y", prediction="d", score="s", sensitive=["g"])
    assert "TK-SAF-05 ERROR" in render(card)
    assert re.search(r"safety/calibration: .*50 of 100 scores lie outside", " ".join(render(card).split()))
    assert "```text\nTraceback (most recent call last):" in render(card, "md")


def test_colors_only_repeat_the_words(hostile):
    colored = render(hostile, "text", color=True)
    assert "\x1b[31mFAIL" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == render(hostile)


@pytest.mark.parametrize("width", [80, 100])
def test_hostile_names_are_inert_in_text(hostile, width):
    text = render(hostile, width=width)
    assert not re.search(r"[^\n\x20-\x7e]", text)
    assert "\\x1b[31mred" in text
    assert "\\u202eevil" in text
    assert max(map(len, text.splitlines())) <= width
    assert len(text) < 10_000


def test_hostile_names_are_inert_in_markdown(hostile):
    page = render(hostile, "md")
    assert not re.search(r"[^\n\x20-\x7e]", page)
    prose = SPAN.sub("", page)
    prose = re.sub(r"\\[^@#\w\s]", "", prose)  # escaped, and so no mark; but a mention stays one
    assert not re.search(r"<|http|www\.|@|#\d|\]\(|`", prose)
    assert "<script>" in "".join(span[2] for span in SPAN.finditer(page))


@pytest.mark.parametrize("name", ["hostile", "plain"])
def test_markdown_tables_are_whole_and_complete(name, request):
    card = request.getfixturevalue(name)
    page = render(card, "md")
    tables = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    assert page.count("\n| ") == sum(len(table.splitlines()) for table in tables)
    rows = [row for table in tables if "Interval" in table.split("\n")[0] for row in table.splitlines()[2:]]
    assert len(rows) == sum(len(control.findings) for control in card.controls)


def test_a_code_span_cannot_be_closed_from_within():
    for label in ("`", "``` a `", "a`b", " `x` ", "\\"):
        span = SPAN.fullmatch(code(label))
        assert span
        assert span[2].strip() == label.strip()
    assert code("") == ""


def test_prose_keeps_no_mark_in_force():
    assert escaped("a*b <i> [x](y) www.x http://x") == r"a\*b \<i> \[x\](y) www\.x http\://x"


def test_json_is_the_card(hostile):
    assert tk.Scorecard.model_validate_json(render(hostile, "json")) == hostile


@pytest.mark.parametrize(
    ("path", "format"), [("a.json", "json"), ("b/c.MD", "md"), ("x.tar.txt", "text"), ("a.html", "html")]
)
def test_the_suffix_is_the_format(path, format):
    assert format_of(path) == format


@pytest.mark.parametrize(
    ("path", "found", "nearest"),
    [
        ("a.sarf", "no format has the suffix '.sarf'", ".sarif"),
        ("a.gitlb.json", "no format has the suffix '.gitlb.json'", ".gitlab.json"),
        ("a.jso", "no format has the suffix '.jso'", ".json"),
        ("a", "no format has the suffix ''", None),
    ],
)
def test_an_unknown_suffix_is_refused(plain, tmp_path, path, found, nearest):
    with pytest.raises(tk.ConfigError) as caught:
        save(plain, tmp_path / path)
    (problem,) = caught.value.problems
    assert problem.found.startswith(found)
    assert problem.nearest == nearest
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_is_refused(plain):
    with pytest.raises(tk.ConfigError, match="did you mean 'text'"):
        render(plain, "txt")


def test_saving_writes_what_is_rendered(plain, tmp_path):
    for suffix, format in {".html": "html", ".json": "json", ".md": "md", ".txt": "text"}.items():
        plain.save(tmp_path / f"card{suffix}")
        assert (tmp_path / f"card{suffix}").read_text(encoding="utf-8") == render(plain, format)
    assert tk.Scorecard.load(tmp_path / "card.json") == plain
    assert set(FORMATS) == {"text", "json", "md", "github"}
    assert str(plain) == render(plain)


@pytest.mark.parametrize(
    ("policy", "first", "second"),
    [
        ("nist-ai-rmf", "MEASURE 2.2", "MEASURE 2.11"),
        ("eu-ai-act-high-risk", "Art. 9(2)", "Art. 15(1)"),
    ],
)
def test_a_policy_that_groups_by_a_framework_shows_its_clauses_in_order(policy, first, second):
    card = audited(["F", "M"], [0.2, 0.6], policy=policy)
    text = render(card)
    lines = text.splitlines()
    assert lines.index(first) < lines.index(second)
    assert any("TK-FAI-03" in line for line in lines[lines.index(second) :][:12])
    assert {control.id for control in card.controls} <= set(re.findall(r"TK-[A-Z]{3}-[0-9]{2}", text))
    assert f"**{first}**" in render(card, "md").replace("\\", "")
