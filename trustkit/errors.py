"""What went wrong on the user's side, all of it at once, with the nearest right name."""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from traceback import FrameSummary


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


def traced(error: BaseException) -> str:
    """Return the traceback of an error and of its causes, without words that may quote the data.

    Of an error that this package did not word itself only the type is told,
    and where it was raised: ``could not convert string to float`` goes on with
    the string.
    """
    import traceback

    each: BaseException | None = error
    parts, seen = [], set()
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        frames = traceback.extract_tb(each.__traceback__)
        words = str(each) if _is_worded_here(each, frames) else "(its words may quote the data)"
        told = f"{type(each).__module__}.{type(each).__qualname__}".removeprefix("builtins.")
        lines = "".join(traceback.format_list(frames))
        parts.append(f"Traceback (most recent call last):\n{lines}{told}: {words}\n")
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return "\nthen, because of it:\n\n".join(reversed(parts))


def _is_worded_here(error: BaseException, frames: Sequence[FrameSummary]) -> bool:
    """Tell whether this package wrote an error's words: by its type, or where a statement of it raised it."""
    if type(error).__module__.split(".")[0] == __package__:
        return True
    if not frames or not Path(frames[-1].filename).is_relative_to(Path(__file__).parent):
        return False
    return (frames[-1].line or "").startswith("raise ")
