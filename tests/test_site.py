"""Links lead somewhere, and generated pages are what the code says; `.ci/run` builds the site itself."""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

import trustkit as tk

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/README.md"),
        *ROOT.glob("examples/**/ORIGIN.md"),
        *ROOT.glob("tests/*/ORIGIN.md"),
        *ROOT.glob("tests/cases/**/*.md"),
    }
)
FENCE = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"(?<!!)\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page):
    """Text without code, in which nothing is a link."""
    return CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))


def links(text):
    """Relative targets of a page's links."""
    found = (one or other for one, other in LINK.findall(text))
    return [target for target in found if not re.match(r"[a-z][a-z+.-]*:", target)]


def slugs(headings):
    """Anchors of headings, as GitHub and MyST make them: letters and digits, the nth twin with -n."""
    made = []
    for heading in headings:
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        twins = sum(other == slug or re.fullmatch(rf"{slug}-\d+", other) is not None for other in made)
        made.append(f"{slug}-{twins}" if twins else slug)
    return made


@cache
def anchors(page):
    headings = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return slugs(re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading) for heading in headings)


def broken(page):
    """What is wrong with the links of a page."""
    for target in links(text_of(page)):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    assert list(broken(page)) == []


def test_a_broken_link_is_found(tmp_path):
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# One: `two` & three\n\n## Same\n\n## Same\n\n```\n# no heading\n```\n")
    page.write_text(
        "[a](other.md#one-two--three) [b](other.md#same-1) [c](https://example.org/x.md) `[d](none.md)`\n"
        "[e](none.md) ![f](none.svg) [g](other.md#no-heading) [h](#nowhere)\n```\n[i](none.md)\n```\n"
    )
    assert list(broken(page)) == [
        "none.md: no such file",
        "none.svg: no such file",
        "other.md#no-heading: no such heading",
        "#nowhere: no such heading",
    ]


@pytest.mark.parametrize(
    ("folder", "script"), [("policies", "policy_pages"), ("reference", "reference_pages")]
)
def test_the_committed_pages_are_the_generated_ones(folder, script):
    spec = importlib.util.spec_from_file_location(script, ROOT / "scripts" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / folder).glob("*.md")}
    pages = {name: text for name, text in pages.items() if name != "python.md"}  # written by hand
    assert pages == module.pages(), f"run: python -m scripts.{script}"


def test_every_public_name_is_on_the_page_of_the_python_interface():
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    assert set(tk.__all__) <= set(re.findall(r"^\.\. auto\w+:: (\w+)$", page, re.MULTILINE))


def test_every_decision_is_on_their_list():
    folder = ROOT / "docs/decisions"
    assert links(text_of(folder / "index.md")) == sorted(path.name for path in folder.glob("0*.md"))
