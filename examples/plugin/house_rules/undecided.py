"""Is anybody left without a decision?"""

from __future__ import annotations

from collections.abc import Iterator

import trustkit as tk
from trustkit.checks.base import Metric
from trustkit.checks.comparison import figures, views
from trustkit.evidence.cells import Cells
from trustkit.measure.rates import rate


@tk.check(
    id="house/undecided",
    version="1",
    metrics={"share": Metric("share without a decision", "share", "of all rows of each group")},
)
def undecided(cells: Cells) -> Iterator[tk.Estimate]:
    """Is anybody left without a decision?

    The share of a group's rows whose decision is missing.

    Formula
    -------
    rows without a decision / rows.

    Why it matters
    --------------
    Who is sent to a queue, or to nobody, is refused without a refusal.

    When it misleads
    ----------------
    Where an empty decision stands for a case that is still open.

    How to read
    -----------
    Of 100 people of the group, so many got no answer from the system.

    Remedy
    ------
    Look at which input these rows lack.

    References
    ----------
    House rule 1.
    """
    if not cells.schema["prediction"]:
        raise tk.NotApplicable("no decisions are declared", supply="data.prediction: the column of decisions")
    for view in views(cells, intersections=False):
        table = cells.table(view)
        everybody = table.decided | ~table.decided
        yield from figures("share", table, rate(table, counted=~table.decided, among=everybody))
