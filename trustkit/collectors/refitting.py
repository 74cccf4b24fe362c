"""Clones of the audited model, fitted on rows of a collector's choice, here or in the model's own process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trustkit.collectors.asking import Answers, asked
from trustkit.evidence import Unavailable
from trustkit.models.cloning import NotClonable, refitted, why_not_clonable
from trustkit.models.files import FileModel

if TYPE_CHECKING:
    import pandas as pd

    from trustkit.collectors.sources import Sources

_SUPPLY = "system.model: an estimator that can be fitted anew, as an object, a pickle or a skops file"


@dataclass(frozen=True)
class Clone:
    """A clone of the audited model, fitted; forgotten by `close`, or at the end of a ``with``.

    Attributes
    ----------
    model : object
        With the face of the audited model: ``predict``, ``predict_proba``, ``classes_``.
    """

    model: Any
    _sources: Sources

    def asked(self, table: pd.DataFrame, stage: str) -> Answers:
        """Ask it about a table of inputs, as `asking.asked` asks the model; its calls are not counted."""
        return asked(replace(self._sources, model=self.model), table, stage)

    def close(self) -> None:
        """Forget it."""
        if isinstance(self.model, FileModel):
            self.model.close()

    def __enter__(self) -> Clone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Refitter:
    """Fits clones of the audited model."""

    _sources: Sources

    def fitted(self, table: pd.DataFrame, outcome: pd.Series[Any], *, seed: int = 0) -> Clone:
        """Fit a clone: the model's kind and settings, on other rows, or other columns.

        Parameters
        ----------
        table : DataFrame, shape (rows, inputs)
            Inputs, of the types that the model takes.
        outcome : Series, shape (rows,)
            The target, as the data have it, none missing.
        seed : int
            For a model that draws from the global generators.

        Raises
        ------
        Unavailable
            Where ``fit`` raises.
        """
        try:
            model = refitted(self._sources.model, table, outcome, seed=seed)
        except NotClonable as signal:
            raise Unavailable(str(signal), supply=_SUPPLY) from None
        return Clone(model, self._sources)


def refitter(sources: Sources) -> Refitter:
    """Return what fits clones of the model of a system.

    Raises
    ------
    Unavailable
        Where there is no model, or none that can be fitted anew.
    """
    sources.require_model("fit anew")
    why = why_not_clonable(sources.model)
    if why is not None:
        raise Unavailable(f"the model cannot be fitted anew: {why}", supply=_SUPPLY)
    return Refitter(sources)
