"""Estimates of a predicted quantity, and what it takes for them to have limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trustkit.checks.base import Estimate
from trustkit.checks.comparison import estimate
from trustkit.evidence.blocks import Ints
from trustkit.evidence.residuals import Residuals
from trustkit.evidence.tables import Table
from trustkit.measure.intervals import Floats, Limits

NO_INTERVAL = "no interval of an R2 is offered"
NO_TRUTH = "no truth is declared"
TRUTH = "data.target: the column with the true quantity"


def require_sound(residuals: Residuals) -> None:
    """Make sure that truths and predictions can be summed.

    Raises
    ------
    ValueError
        For values that are infinite, or predictions that are all missing.
    """
    for role in ("truth", "prediction"):
        fault = residuals.cells.fault(role)
        if fault is not None:
            raise ValueError(f"{role}: {fault}")


def unbounded(residuals: Residuals) -> tuple[str | None, str | None]:
    """Why no mean has limits, and what to supply for it; None where the target has ends."""
    if residuals.ends is not None:
        return None, None
    target = residuals.schema["target"] or "the prediction"
    why = f"no range of {target} is declared, and the mean of what has no bounds has no limits"
    return (
        why,
        f"data.bins.{residuals.schema['target'] or 'TARGET'}: the least and the greatest value of {target}",
    )


def of_groups(
    metric: str,
    table: Table,
    value: Floats,
    n: Ints,
    limits: Limits | None,
    *,
    why: str | None = None,
    supply: str | None = None,
    two_sided: bool = False,
) -> Iterator[Estimate]:
    """One estimate a group; `why` and `supply` where there are no limits."""
    columns = zip(table.groups, value.tolist(), n.tolist(), table.rows.tolist(), strict=True)
    for i, (group, each, count, rows) in enumerate(columns):
        subject: Mapping[str, Any] = {"groups": group} if group else {}
        made = estimate(metric, subject, each, count, rows, limits, i, two_sided=two_sided)
        undefined = made.why is not None and (count == 0 or supply is None)
        bare = replace(made, why=made.why if undefined else why, supply=supply)
        yield made if limits is not None else bare
