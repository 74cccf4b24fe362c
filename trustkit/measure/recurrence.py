"""Rows of one table that another has too, beyond those that recur by chance."""

from __future__ import annotations

import numpy as np

from trustkit.evidence.overlaps import Match
from trustkit.measure.intervals import ClopperPearson, Difference, proportions

SURELY = 1e-6
"""One-sided level at which the audit's own repeated rows bound those that chance brings about."""


def beyond_chance(match: Match) -> Difference:
    """Limits of the share of audited rows found in training, less the share that recurs by chance.

    Of independent rows of one distribution an audited row is found in
    training as often as a training row is found among the others. Rows that
    were multiplied in training recur there and not in the audit: so what the
    audit's own repeated rows allow is the most that chance is given. They
    come at least in twos, so half as many rows count.
    """
    found = proportions(np.array([match.shared / match.rows]), np.array([float(match.rows)]))
    return Difference.of_groups(found, _chance(match))


def _chance(match: Match) -> ClopperPearson:
    recurring = match.train_repeated / max(match.train_rows, 1)
    among = proportions(np.array([match.repeated / match.rows]), np.array([match.rows / 2]))
    most = float(among.upper(SURELY)[0]) * max(match.train_rows / match.rows, 1.0)
    return proportions(np.array([min(recurring, most)]), np.array([max(match.train_rows, 1) / 2]))
