"""The scorecard as one HTML page: no script, no request, inert whatever the data says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trustkit.renderers import words
from trustkit.renderers.catalogue import catalogue
from trustkit.renderers.page import Page, trace
from trustkit.scorecard import Scorecard

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"


def html(card: Scorecard, language: str = "en") -> str:
    """Render a scorecard as a page that stands alone, in a language of `catalogue.languages`."""
    page = _template(language).render(page=Page(card, catalogue(language), language), card=card)
    return _UNNEEDED_QUOTES.sub(r"\1", page.strip()) + "\n"


_UNNEEDED_QUOTES = re.compile(r'(?<==)"([\w.#%-]+)"(?=[ >])')
"""Quotes that HTML does not need: text of data cannot hold one, since it is escaped."""


@cache
def _template(language: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {"clean": words.clean, "share": _share, "trace": trace}
    style = re.sub(r"\s*([{};,]|\n)\s*|(?<=:) (?=[\w#-])", r"\1", (TEMPLATES / "page.css").read_text("utf-8"))
    environment.globals["style"] = Markup(style)  # noqa: S704 (our own file)
    return environment.get_template("page.html")


def _share(value: float) -> str:
    return words.share(value).replace(" ", "\u00a0")
