"""How cheaply can the model be copied by asking it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import proportion
from trustkit.evidence.copies import Copies


@check(
    version="1",
    metrics={
        "fidelity": Metric(
            "share of decisions that a copy gives alike",
            "share",
            "Rows on which a copy, learned from so many answers to other rows, decides as the model does.",
        ),
        "commonest": Metric(
            "share of the commonest decision",
            "share",
            "What a copy that has learned nothing agrees on.",
        ),
    },
)
def extraction(copies: Copies, *, budgets: Sequence[int] = (100, 400)) -> Iterator[Estimate]:
    """How cheaply can the model be copied by asking it?

    The model is asked about ``budgets`` of the audited rows, and a line learns
    its answers, from 500 answers boosted trees too: decisions alone, scores
    rounded to two digits, and scores in full. The better copy is compared with
    the model on rows that were not asked about.

    Why it matters
    --------------
    A copy can be sold, and it can be attacked at leisure for inputs that fool
    the model itself.

    When it misleads
    ----------------
    The copier is taken to have rows like the audited ones: one without them
    needs more. A copier with more means gets further. Where one decision is
    common, agreement is high for no reason: compare with ``commonest``.

    How to read
    -----------
    The nearer ``fidelity`` is to 1 with few answers, the cheaper the copy. What
    the scores add over the decisions is what their digits give away. The
    figures are shown: a model that is simple, or published, may be copied.

    Remedy
    ------
    Limit how often one caller may ask, give out decisions or rounded scores,
    and ask for credentials.

    References
    ----------
    Tramer et al. 2016 (stealing machine learning models); Jagielski et al. 2020; NIST AI 100-2, 2.2.3.
    """
    if not copies.rows:
        raise NotApplicable("no row is left to compare a copy on")
    yield proportion("commonest", copies.commonest, copies.rows)
    for output, by_budget in copies.agree.items():
        for budget, agree in by_budget.items():
            yield proportion("fidelity", agree, copies.rows, {"mode": f"{int(budget):,} {output}"})
