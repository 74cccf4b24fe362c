"""The page's own words in other languages: gettext catalogues, English in the source."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
DOMAIN = "trustkit"
ENGLISH = "en"


def languages() -> tuple[str, ...]:
    """Languages that a page can be had in."""
    return (ENGLISH, *sorted(file.parts[-3] for file in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Messages of a language; the source's own where it is English."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE, languages=[language])
