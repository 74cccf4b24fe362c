"""Time small audits; print a Markdown table.

Run it on a quiet machine: ``python -m benchmarks.spine``.
"""

from __future__ import annotations

import trustkit as tk
from benchmarks.logs import decisions
from benchmarks.timing import medians, seconds, table, versions

POLICIES = ("fairness-baseline", "unga-78-265")


def main() -> None:
    """Audit 2,000 rows of one attribute by each policy and print what that takes."""
    small = decisions(2000, "text")
    roles = {"target": "truth", "prediction": "decision", "sensitive": ["race"]}
    calls = {name: lambda name=name: tk.audit(data=small, **roles, policy=name) for name in POLICIES}
    taken = medians(calls)
    print(versions("pandas", "pyarrow", "numpy", "scipy") + f", trustkit {tk.__version__}\n")
    rows = [[f"2,000 rows, one attribute, `{name}`", *map(seconds, each)] for name, each in taken.items()]
    print(table(("audit", "processor", "clock"), rows))


if __name__ == "__main__":
    main()
