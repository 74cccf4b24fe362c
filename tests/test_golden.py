"""Frozen evidence gives the same card, to the byte; ``python tests/test_golden.py`` freezes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import trustkit as tk

GOLDEN = Path(__file__).with_name("golden")
EXAMPLES = GOLDEN.parents[1] / "examples"
AS_OF = "2026-11-24"
DIGITS = 9
"""Digits that are compared: the last ones depend on the version of scipy."""


def judged(evidence: tk.Evidence) -> str:
    """Text of the card by the baseline, without what tells when, where and how fast."""
    card: dict[str, Any] = json.loads(
        tk.judge(evidence, "fairness-baseline", as_of=AS_OF).to_json(),
        parse_float=lambda text: float(f"{float(text):.{DIGITS}g}"),
    )
    for key in ("digest", "run", "evidence"):
        del card[key]
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def freeze() -> None:
    """Write the evidence of the decision log, and the card that it gives now."""
    GOLDEN.mkdir(exist_ok=True)
    evidence = tk.collect(tk.System.read(EXAMPLES / "decision-log"), only=["cells"])
    evidence.save(GOLDEN / "evidence.json")
    (GOLDEN / "scorecard.json").write_text(judged(evidence), encoding="utf-8", newline="\n")


def test_frozen_evidence_gives_the_frozen_card() -> None:
    card = judged(tk.Evidence.load(GOLDEN / "evidence.json"))
    assert card.encode() == (GOLDEN / "scorecard.json").read_bytes()


def test_the_evidence_collected_today_is_the_frozen_evidence(tmp_path: Path) -> None:
    evidence = tk.collect(tk.System.read(EXAMPLES / "decision-log"), only=["cells"])
    evidence.save(tmp_path / "evidence.json")
    today, frozen = (json.loads((at / "evidence.json").read_text()) for at in (tmp_path, GOLDEN))
    for data in (today, frozen):
        del data["costs"]
    assert today == frozen


def test_the_same_evidence_gives_one_digest() -> None:
    evidence = tk.Evidence.load(GOLDEN / "evidence.json")
    digests = {tk.judge(evidence, "fairness-baseline", as_of=AS_OF).digest for _ in range(2)}
    assert len(digests) == 1
    other = tk.judge(evidence, "fairness-baseline", as_of="2026-11-25").digest
    assert other not in digests


if __name__ == "__main__":
    freeze()
    raise SystemExit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
