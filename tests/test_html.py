"""The page: whole, alone, readable by anybody, and inert whatever the data says."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.renderers import render
from trustkit.renderers.catalogue import LOCALE, catalogue, languages
from trustkit.renderers.forest import MOST_DRAWN, Entry, forest
from trustkit.renderers.page import LONG, Page
from trustkit.renderers.words import clean

ROOT = Path(__file__).resolve().parents[1]
BASELINE = "fairness-baseline"
VOID = {"meta", "link", "br", "wbr", "rect", "line", "circle", "path"}
CLOSES = {  # what a tag's start ends, where its end may be left out
    "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"td", "th", "tr"}, "tbody": {"td", "th", "tr", "tbody"},
}  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; </td></table><h1>x</h1>",
    "\x1b[31mred\x1b[0m\x07",
    "two\nlines\r\n",
    "\u202eevil\u2066\u200b\ufeff",
    '=HYPERLINK("http://evil.example")',
    "{{ 7 * 7 }}{% raw %}",
    "x" * 10_000,
    "Ünïcode 東京 العربية",
]


class Node:
    def __init__(self, tag, attrs, parent=None):
        self.tag, self.attrs, self.parent = tag, dict(attrs), parent
        self.children = []

    def all(self, *tags):
        for child in self.children:
            if isinstance(child, Node):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def text(self):
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


class Tree(HTMLParser):
    """A parser that refuses what does not nest; ends may be left out inside tables alone."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Node("root", {})
        self.feed(text)
        self.close()
        assert self.at is self.root, f"{self.at.tag} is not closed"

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs)
        while self.at.tag in CLOSES.get(tag, ()):
            self.at = self.at.parent
        node = Node(tag, attrs, self.at)
        self.at.children.append(node)
        if tag not in VOID:
            self.at = node

    def handle_startendtag(self, tag, attrs):
        self.at.children.append(Node(tag, attrs, self.at))

    def handle_endtag(self, tag):
        while self.at.tag != tag and self.at.tag in {"td", "th", "tr"} and tag in {"tr", "tbody", "table"}:
            self.at = self.at.parent
        assert self.at.tag == tag, f"</{tag}> ends <{self.at.tag} {self.at.attrs}>"
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.children.append(data)


SHOWN = {}


def shown(card):
    """Page of a card and its tree, made once."""
    if id(card) not in SHOWN:
        page = render(card, "html")
        SHOWN[id(card)] = card, page, tree(page)  # the card too, so that its id stays its own
    return SHOWN[id(card)][1:]


def tree(text):
    assert text.startswith("<!doctype html>\n")
    return Tree(text.removeprefix("<!doctype html>\n")).root


def audited(groups, rates, rows=150, **keys):
    chosen = np.repeat(np.arange(len(groups)), rows)
    decided = np.concatenate([np.arange(rows) < rate * rows for rate in rates]).astype(int)
    frame = pd.DataFrame({"group": np.array(groups, dtype=object)[chosen], "decision": decided})
    given = {
        "prediction": "decision",
        "favorable": 1,
        "sensitive": ["group"],
        "as_of": "2026-11-01",
        "policy": BASELINE,
    }
    return tk.audit(data=frame, **{**given, **keys})


@pytest.fixture(scope="module")
def compas():
    return tk.audit(config=ROOT / "examples" / "decision-log", policy=BASELINE, as_of="2026-11-01")


@pytest.fixture(scope="module")
def credit():
    return tk.audit(config=ROOT / "examples" / "credit", policy="unga-78-265", as_of="2026-11-01")


@pytest.fixture(scope="module")
def plain():
    return audited(["F", "M"], [0.2, 0.6], name="Loans", purpose="Grant loans")


@pytest.fixture(scope="module")
def hostile():
    told = {
        "waivers": [
            {"control": "TK-FAI-02", "reason": "accepted-risk", "note": HOSTILE[0], "by": HOSTILE[1],
             "expires": "2026-11-09"}
        ],
        "attestations": {"TK-FAI-04": {"statement": HOSTILE[1], "by": HOSTILE[0], "on": "2026-10-01"}},
    }  # fmt: skip
    return audited(
        HOSTILE, [0.05, *[0.7] * 9], name=HOSTILE[0], purpose=HOSTILE[5], sample=HOSTILE[1], **told
    )


@pytest.fixture(scope="module")
def error():
    frame = pd.DataFrame({"g": ["a", "b"] * 50, "y": [0, 1] * 50, "d": [0, 1, 1, 0] * 25, "s": [0.5, 2] * 50})
    return tk.audit(data=frame, target="y", prediction="d", score="s", sensitive=["g"], policy=BASELINE)


@pytest.fixture(scope="module")
def partial():
    return audited(["F", "M"], [0.6, 0.6], only=["bias/selection-rate"])


@pytest.fixture(scope="module")
def every():
    """A card of the policy with all the controls."""
    return audited(["F", "M"], [0.2, 0.6], policy="unga-78-265")


OF_AN_EXAMPLE = pytest.param("credit", marks=pytest.mark.end_to_end)
CARDS = ["compas", OF_AN_EXAMPLE, "plain", "hostile", "error", "partial", "every"]


@pytest.fixture(params=CARDS)
def card(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def large(compas):
    """Five hundred groups under forty controls."""
    data = json.loads(compas.to_json())
    plain = data["controls"][2]
    source = next(f for f in data["findings"] if f["metric"] == "ratio" and f["verdict"] == "pass")
    verdicts = ["fail"] + ["inconclusive"] * 4 + ["pass"] * 15
    data["findings"] = [
        {**source, "id": f"bias/check-{k}:ratio:group=g{g}~rest:min", "check": f"bias/check-{k}",
         "subject": {"groups": {"group": f"g{g}"}, "reference": "rest"}, "verdict": verdicts[g % 20]}
        for k in range(40) for g in range(500)
    ]  # fmt: skip
    data["controls"] = [
        {**plain, "id": f"TK-FAI-{k + 10}", "findings": list(range(500 * k, 500 * k + 500))}
        for k in range(40)
    ]
    data["gate"]["blocking"] = [control["id"] for control in data["controls"]]
    return tk.Scorecard.model_validate(data)


# Alone


def test_it_parses_and_its_landmarks_are_one_each(card):
    root = shown(card)[1]
    (html,) = root.all("html")
    assert html.attrs["lang"] == "en"
    for tag in ("head", "body", "main", "header", "footer", "nav", "h1", "style"):
        assert len(list(root.all(tag))) == 1, tag
    assert clean(card.system.get("name") or "", 160) in next(root.all("title")).text()
    skip = next(root.all("a"))
    assert skip.attrs == {"class": "skip", "href": "#decision"}


def test_it_asks_for_nothing_and_runs_nothing(card):
    root = shown(card)[1]
    policy = [m.attrs["content"] for m in root.all("meta") if m.attrs.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    barred = "script", "iframe", "object", "embed", "img", "form", "input", "base", "foreignobject", "use"
    assert not list(root.all(*barred))
    for node in root.all():
        assert not [
            name for name in node.attrs if name.startswith("on") or name in ("style", "src", "srcset")
        ]
        link = node.attrs.get("href")
        assert link is None or link.startswith("#") or link == "data:,"
    assert not re.search(r"@import|url\(|expression", next(root.all("style")).text())


def test_every_link_leads_somewhere_and_every_name_is_given_once(card):
    root = shown(card)[1]
    names = [node.attrs["id"] for node in root.all() if "id" in node.attrs]
    assert len(names) == len(set(names))
    assert not [name for name in names if re.search(r"\s", name)]
    assert {a.attrs["href"][1:] for a in root.all("a")} <= set(names)
    for node in root.all():
        assert set(node.attrs.get("aria-labelledby", "").split()) <= set(names)


# Whole


def test_every_control_and_finding_is_there(card):
    root = shown(card)[1]
    given = {node.attrs["id"] for name in ("tr", "dd") for node in root.all(name) if "id" in node.attrs}
    text = root.text()
    seen = set()
    for place, finding in enumerate(card.findings):
        subject, reference = (str(finding.subject.get(key)) for key in ("groups", "reference"))
        told_already = finding.limit is None and (finding.metric, reference, subject) in seen
        assert f"f{place}" in given or told_already or clean(finding.id, 300) in text, finding.id[:200]
        seen.add((finding.metric, subject, reference))
    articles = {node.attrs["id"]: node.text() for node in root.all("article")}
    assert len(articles) == len(card.controls)
    for control in card.controls:
        told = articles[control.id]
        for part in (control.id, control.title, control.requirement, control.severity, *control.sources):
            assert clean(part, 1000) in told
        for finding in card.findings_of(control):
            assert finding.remedy is None or finding.verdict == "pass" or clean(finding.remedy, 1000) in told


def test_the_first_page_is_the_decision(compas):
    (decision,) = [n for n in tree(render(compas, "html")).all("section") if n.attrs.get("id") == "decision"]
    told = " ".join(decision.text().split()).replace("\xa0", " ")
    for part in (
        "Gate Does not hold 2 controls block it.",
        "2 FAIL 2 NOT ASSESSED 1 PASS",
        "20 \u2013 53 of 100",
        "30 of 100 on what is settled; the range is what it may be once all is. 66 % of the weight",
        "FAIL TK-FAI-02 Outcome disparity critical Selection rate ratio (≥ 0.8), "
        "race=African-American against race=Other: 0.521, between 0.471 and 0.586 at 99.88 %; n 3,696/377",
        "9 failing findings, worst first",
        "supply data.score: the column with P(positive), or a model with predict_proba",
        "An independent sample of: defendants scored in Broward County",
        "121 claims share \u03b1 = 0.05.",
        "None: every limit is the policy's or stricter.",
    ):
        assert part in told, part


def test_waivers_attestations_and_changed_limits_are_told(hostile):
    card = audited(
        ["F", "M"],
        [0.2, 0.6],
        limits={"bias/selection-rate": {"min_ratio": 0.3}, "safety/performance": {"min_skill": False}},
        attestations={"TK-FAI-04": {"statement": "looked at", "by": "me", "on": "2027-10-01"}},
    )
    told = " ".join(tree(render(card, "html")).text().split())
    assert "loosened bias/selection-rate min_ratio: the policy's is 0.8, the configuration's 0.3" in told
    assert "removed safety/performance min_skill: the policy's is 0" in told
    assert "≥ 0.3 (loosened from 0.8)" in told
    assert "not in force by me on 2027-10-01: looked at" in told
    told = " ".join(tree(render(hostile, "html")).text().split())
    assert f"until 2026-11-09 by {clean(HOSTILE[1])}: accepted-risk. {HOSTILE[0]}" in told
    assert "waivers[0] expires on 2026-11-09" in told
    assert "What fails is waived." in told


def test_an_error_is_told_with_its_traceback(error):
    root = tree(render(error, "html"))
    traces = [node.text() for node in root.all("pre")]
    assert traces
    assert all(trace.startswith("Traceback (most recent call last):") for trace in traces)


def test_a_partial_card_says_so(partial):
    told = " ".join(tree(render(partial, "html")).text().split())
    assert "A partial card: only bias/selection-rate." in told
    assert "Not selected in this run:" in told


def test_open_controls_say_what_would_settle_them(every):
    root = tree(render(every, "html"))
    (decision,) = [n for n in root.all("section") if n.attrs.get("id") == "decision"]
    told = decision.text()
    for control in every.controls:
        if control.verdict in ("inconclusive", "not_assessed"):
            assert control.id in told[told.index("Not settled") :], control.id


def test_a_control_is_found_by_each_of_its_clauses(every):
    (part,) = [n for n in tree(render(every, "html")).all("section") if n.attrs.get("id") == "frameworks"]
    assert {"NIST AI RMF", "EU AI Act", "GDPR"} <= {c.text() for c in part.all("caption")}
    rows = {}
    for table in part.all("table"):
        framework = next(table.all("caption")).text()
        for row in next(table.all("tbody")).all("tr"):
            clause = next(row.all("th")).text().removesuffix(" (text not read)")
            rows[framework, clause] = [a.text() for a in row.all("a")]
    for control in every.controls:
        for clause in control.crosswalk.get("nist-ai-rmf", ()):
            assert control.id in rows["NIST AI RMF", clause]
        assert any(control.id in ids for (name, _), ids in rows.items() if name.startswith("A/RES/"))


def test_findings_of_two_controls_are_shown_once(plain):
    data = json.loads(plain.to_json())
    twin = {**data["controls"][2], "id": "TK-FAI-99"}
    data["controls"].append(twin)
    page = render(tk.Scorecard.model_validate(data), "html")
    assert "The same 2 claims as under TK-FAI-02." in page
    tree(page)


# Accessible


def test_headings_go_down_by_one(card):
    levels = [int(node.tag[1]) for node in shown(card)[1].all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_have_captions_and_scopes(card):
    for table in shown(card)[1].all("table"):
        assert next(table.all("caption")).text().strip()
        for head in table.all("th"):
            assert head.attrs["scope"] in ("col", "row", "rowgroup")
        parent = table.parent
        assert parent.attrs["tabindex"] == "0"
        assert parent.attrs["aria-labelledby"]
        widths = {
            sum(int(cell.attrs.get("colspan", 1)) for cell in row.children if isinstance(cell, Node))
            for row in table.all("tr")
        }
        assert len(widths) == 1


def test_figures_have_a_title_a_description_and_a_table(card):
    root = shown(card)[1]
    tables = {table.attrs["id"] for table in root.all("table") if "id" in table.attrs}
    for svg in root.all("svg"):
        if svg.parent.tag == "g":  # a part of a figure
            continue
        assert svg.attrs["role"] == "img"
        title, desc = next(svg.all("title")), next(svg.all("desc"))
        assert title.text().strip()
        assert desc.text().strip()
        assert svg.attrs["aria-labelledby"].split() == [title.attrs["id"], desc.attrs["id"]]
        if svg.attrs["class"].startswith("forest"):
            links = {a.attrs["href"][1:] for a in svg.parent.all("a")}
            assert links <= tables
            assert len(links) == 1


def test_every_verdict_is_a_word(card):
    root = shown(card)[1]
    for node in root.all("span"):
        kinds = node.attrs.get("class", "").split()
        if "v" in kinds:
            assert node.text() in ("FAIL", "ERROR", "UNSURE", "NOT ASSESSED", "ATTESTED", "PASS", "SHOWN")


def themes():
    style = (ROOT / "trustkit" / "renderers" / "templates" / "page.css").read_text(encoding="utf-8")
    found = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", body)) for body in found[:2])
    return {"light": light, "dark": dark}


def contrast(one, two):
    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colors_contrast(theme):
    colors = themes()[theme]
    tones = ["fail", "error", "unsure", "open", "attested", "pass"]
    assert {f"{tone}-tint" for tone in tones} <= set(colors)
    text = ["ink", "soft", "link", *tones]
    for name in text:
        for ground in ("paper", "panel"):
            assert contrast(colors[name], colors[ground]) >= 4.5, (name, ground)
    for tone in tones:
        assert contrast(colors[tone], colors[f"{tone}-tint"]) >= 4.5, tone
        assert contrast(colors["ink"], colors[f"{tone}-tint"]) >= 4.5, tone
        assert contrast(colors["soft"], colors[f"{tone}-tint"]) >= 4.5, tone
    for line in ("strong",):
        assert contrast(colors[line], colors["paper"]) >= 3


# Inert


def test_hostile_names_are_inert_and_visible(hostile):
    page = render(hostile, "html")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2066\ufeff]", page)
    assert "alert(1)</script>" not in page
    assert "<img" not in page
    root = tree(page)
    text = root.text()
    for shown in (
        HOSTILE[0],
        "\\x1b[31mred",
        "two\\nlines\\r\\n",
        "\\u202eevil",
        "=HYPERLINK(",
        "{{ 7 * 7 }}",
    ):
        assert shown in text, shown
    assert HOSTILE[-1] in text
    assert "x" * 500 not in page
    assert len(page) < 350_000


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_card_is_inert_in_every_field(plain, value):
    def spoiled(data):
        if isinstance(data, dict):
            return {key: spoiled(each) for key, each in data.items()}
        if isinstance(data, list):
            return [spoiled(each) for each in data]
        kept = {
            "fail",
            "pass",
            "inconclusive",
            "not_assessed",
            "not_applicable",
            "never",
            "trustkit-scorecard/1",
        }
        return (
            data
            if not isinstance(data, str) or data in kept or data in ("critical", "high", "medium", "low")
            else value
        )

    data = spoiled(json.loads(plain.to_json()))
    data["gate"]["blocking"] = ["TK-FAI-02", value]
    page = render(tk.Scorecard.model_validate(data), "html")
    root = tree(page)
    assert not list(root.all("script", "img"))
    assert len(list(root.all("h1"))) == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2066\ufeff]", page)


def test_numbers_at_the_edge_are_drawn_or_left_out(plain):
    data = json.loads(plain.to_json())
    for finding, value in zip(data["findings"], [1e308, -1e308, 0.0, 1e-300, None, 5e-324], strict=False):
        finding.update(estimate=value, interval=[None, value], pass_interval=[value, None])
    page = render(tk.Scorecard.model_validate(data), "html")
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    tree(page)


# Figures


def entries(*triples):
    return [Entry("pass", "a", "", value, (low, high), (low, high)) for value, low, high in triples]


def test_a_forest_shades_what_lies_beyond_its_limit():
    plot = forest(entries((0.5, 0.4, 0.6), (0.9, 0.8, 1.0)), [("min", 0.8)], 1.0, 2)
    (edge,) = plot.beyond
    assert edge[0] == "0%"
    assert plot.limits[0].text == "≥ 0.8"
    assert plot.limits[0].x == edge[1]
    assert plot.log
    inside, outside = plot.marks[0].rows
    assert float(inside.x[:-1]) < float(edge[1][:-1]) < float(outside.x[:-1])


def test_one_wide_interval_does_not_press_the_rest_together():
    plot = forest(entries((0.05, 0.0, 0.1), (0.1, 0.0, 1e6), (0.0, None, 0.1)), [("max", 0.1)], 0.0, 3)
    assert plot.clipped
    assert plot.marks[0].right
    assert plot.marks[0].left
    assert float(plot.limits[0].x[:-1]) > 30
    assert 3 <= len(plot.ticks) <= 8


def test_a_single_value_still_has_an_axis():
    assert forest(entries((0.0, 0.0, 0.0)), [("max", 0.0)], None, 1).ticks
    assert forest([], [("max", 0.0)], None, 0) is None


def test_many_rows_are_drawn_in_part_and_folded_in_a_table_that_prints(large):
    page = render(large, "html")
    style = page[page.index("<style>") : page.index("</style>")]
    assert "details::details-content{content-visibility:visible;display:block;block-size:auto;}" in style
    assert page.count("<details") == 40 + 1 > LONG - 6  # and how each figure is made
    assert page.count(f"{MOST_DRAWN} of 500 are drawn") == 40


# Small and fast


@pytest.mark.parametrize("name", ["compas", OF_AN_EXAMPLE])
def test_the_page_is_small_and_soon_there(name, request):
    card = request.getfixturevalue(name)
    render(card, "html")
    started = time.perf_counter()
    page = render(card, "html")
    assert time.perf_counter() - started < 0.5
    assert len(page.encode()) < 500_000


def test_a_large_card_is_under_five_megabytes(large):
    page = render(large, "html")
    assert len(page.encode()) < 5_000_000
    assert all(f"id=f{place}>" in page for place in range(0, len(large.findings), 37))


def test_equal_cards_make_equal_pages(compas):
    assert render(compas, "html") == render(tk.Scorecard.model_validate_json(compas.to_json()), "html")


def test_templates_are_loaded_only_for_a_page():
    code = (
        "import sys, trustkit as tk; from trustkit.renderers import render; import trustkit.scorecard;"
        "assert 'jinja2' not in sys.modules, 'jinja2'"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_outline_is_as_agreed(plain):
    root = tree(render(plain, "html"))
    outline = [
        f"{n.tag} {' '.join(n.text().split())}" for n in root.all("h1", "h2", "h3", "h4", "h5", "caption")
    ]
    assert outline[:12] == [
        "h1 Loans",
        "h2 Decision",
        "h3 Gate",
        "h3 Verdict",
        "h3 Score",
        "h3 What blocks the gate",
        "h3 At a glance",
        "caption Verdict, score and controls of each area",
        "h3 1 failing finding",
        "h3 Not settled, and what would settle it",
        "caption What would settle the open controls, cheapest first",
        "h3 What the figures speak of",
    ]
    assert outline[12:16] == ["h3 Loosened or removed limits", "h3 Waivers", "h3 Attestations", "h2 Evidence"]
    start = outline.index("h4 TK-FAI-02 Outcome disparity FAIL")
    assert outline[start : start + 5] == [
        "h4 TK-FAI-02 Outcome disparity FAIL",
        "h5 Selection rate ratio bias/selection-rate ratio",
        "caption Selection rate ratio, limit ≥ 0.8 TK-FAI-02",
        "h5 Shown, not judged bias/selection-rate",
        "caption Figures of bias/selection-rate, shown and not judged TK-FAI-02",
    ]
    assert [line for line in outline if line.startswith("h2")] == [
        "h2 Decision", "h2 Evidence", "h2 The same controls by framework", "h2 Method", "h2 Provenance",
    ]  # fmt: skip


# Languages


def make():
    spec = importlib.util.spec_from_file_location("make", LOCALE / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_of_messages_is_current():
    assert (LOCALE / "trustkit.pot").read_text(encoding="utf-8") == make().template()


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_a_language_is_whole_and_makes_a_page(language, every, hostile):
    module = make()
    file = LOCALE / language / "LC_MESSAGES" / "trustkit.po"
    said = module.translations(file.read_text(encoding="utf-8"))
    assert file.with_suffix(".mo").read_bytes() == module.compiled(said)
    asked = {"\0".join(filter(None, message)) for message in module.messages()}
    assert set(said) - {""} == asked
    for message, text in said.items():
        fields = set(re.findall(r"%\(\w+\)s", message.split("\0")[0]))
        assert all(set(re.findall(r"%\(\w+\)s", form)) == fields for form in text.split("\0") if message)
    for card in (every, hostile):
        root = tree(render(card, "html", language=language))
        assert next(root.all("html")).attrs["lang"] == language
    assert Page(every, catalogue(language), language).verdict("fail") != "FAIL"


def test_an_unknown_language_is_refused(plain):
    with pytest.raises(tk.ConfigError, match="no language 'xx'"):
        render(plain, "html", language="xx")
