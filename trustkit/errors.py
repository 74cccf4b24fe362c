"""What went wrong on the user's side, all of it at once, with the nearest right name."""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Problem(NamedTuple):
    """One thing that is wrong with the configuration or the input.

    Attributes
    ----------
    key : str
        Where: the dotted key of the configuration, as ``data.target``.
    found : str
        What was found there, in words.
    nearest : str or None
        The nearest right name, where there is one.
    """

    key: str
    found: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.key}: {self.found}{hint}"


class ConfigError(ValueError):
    """The command, the configuration or the input is wrong; nothing was audited.

    Parameters
    ----------
    problems : iterable of Problem
        Everything that is wrong, in the order found; each once.
    rest : object, optional
        What is left of a configuration without its wrong keys, so that more
        can be found wrong at once.

    Attributes
    ----------
    problems : list of Problem
        Each a tuple ``(key, found, nearest)``.
    """

    def __init__(self, problems: Iterable[Problem], rest: Any = None) -> None:
        self.problems = list(dict.fromkeys(problems))
        self.rest = rest
        super().__init__("\n".join(str(problem) for problem in self.problems))


@contextmanager
def at_once(*finders: Callable[[], Iterable[Problem]]) -> Iterator[None]:
    """Raise what the block finds wrong together with what `finders` find."""
    found: list[Problem] = []
    rest = None
    try:
        yield
    except ConfigError as error:
        found, rest = error.problems, error.rest
    more = [problem for finder in finders for problem in finder()]
    if found or more:
        raise ConfigError([*found, *more], rest) from None


class ModelError(RuntimeError):
    """The model failed, or answered what is no decision for each row; the message shows no value."""


class GateFailed(AssertionError):  # noqa: N818 (the name of the contract)
    """The gate of a scorecard does not hold; the message names what blocks it."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the member of `names` that `name` most likely meant, or None."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None
