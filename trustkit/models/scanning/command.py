"""What ``trustkit scan`` prints, its exit status, and its entry of a model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.models.scanning.scanner import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trustkit.models.scanning.report import Finding, ScanReport, Verdict

FORMAT = "trustkit-scan/1"
CHECK = "security/artifact"
CHECK_VERSION = "1"
VERDICTS: dict[Verdict, str] = {
    "allowed": "pass",
    "unknown import": "inconclusive",
    "dangerous": "fail",
    "incomplete": "error",
}
REMEDIES: dict[Verdict, str] = {
    "unknown import": "Find out what it does; if it is yours, allow it in the configuration with a reason.",
    "dangerous": "Do not load the file; ask for it in a format that cannot run code, such as ONNX.",
    "incomplete": "Write the file again with the library that made it; what cannot be read cannot pass.",
}


def scan_files(
    paths: Sequence[str],
    format: str = "text",
    *,
    allow: Iterable[str] = (),
    progress: Callable[[int, int, str], None] | None = None,
    look: Callable[[str], dict[str, Any]] | None = None,
) -> tuple[str, int]:
    """Scan files and folders, and write down what was found.

    Parameters
    ----------
    paths : sequence of str
        The files and folders.
    format : {"text", "json"}
        How to write it.
    allow : iterable of str
        Imports to allow besides the packaged list.
    progress : callable, optional
        Called before each file with how many are done, how many there are, and its path.
    look : callable, optional
        Returns the entry of a path; by default that of a model file.

    Returns
    -------
    tuple
        The text, and the exit status: 0 all pass, 1 otherwise, 2 a path is not there.
    """
    missing = [path for path in paths if not Path(path).exists()]
    if missing:
        return "\n".join(f"{path}: no such file or folder" for path in missing), 2
    allowed, entries = tuple(allow), []
    for number, path in enumerate(dict.fromkeys(paths)):
        if progress:
            progress(number, len(paths), path)
        entries.append(file_entry(scan(path, allow=allowed)) if look is None else look(path))
    status = int(any(entry["verdict"] != "pass" for entry in entries))
    return (_as_json(entries) if format == "json" else _as_text(entries)), status


def file_entry(report: ScanReport) -> dict[str, Any]:
    """Return a report as an entry of ``files`` in the command's JSON."""
    path = Path(report.path or "").as_posix()
    return {
        "path": path,
        "verdict": VERDICTS[report.verdict],
        "findings": [finding_entry(path, finding) for finding in report.findings],
        "sha256": report.sha256,
        "facts": dict(report.facts),
    }


def finding_entry(path: str, finding: Finding) -> dict[str, Any]:
    """Return a finding with the keys of a scorecard's."""
    metric = finding.kind.replace(" ", "-")
    return as_finding(
        f"{CHECK}:{metric}:file={path}~{finding.what}~{finding.where}",
        {"file": path},
        VERDICTS[finding.kind],
        _sentence(finding),
        why=finding.why,
        remedy=REMEDIES[finding.kind],
    )


def as_finding(
    id: str,
    subject: dict[str, str],
    verdict: str,
    message: str,
    *,
    estimate: float | None = None,
    why: str | None = None,
    remedy: str | None = None,
) -> dict[str, Any]:
    """Return what was found with the keys of a scorecard's finding; `id` begins with check and metric."""
    check, metric, _ = id.split(":", 2)
    return {
        "id": id,
        "check": check,
        "check_version": CHECK_VERSION,
        "metric": metric,
        "subject": subject,
        "estimate": estimate,
        "interval": None,
        "level": None,
        "pass_interval": None,
        "p_fail": None,
        "limit": None,
        "n": None,
        "reference_n": None,
        "rows_needed": None,
        "detectable": None,
        "verdict": verdict,
        "why": why,
        "message": message,
        "remedy": remedy,
    }


def _sentence(finding: Finding) -> str:
    return _printable(f"{finding.what} ({finding.kind}) at {finding.where}: {finding.why}")


def _printable(text: str) -> str:
    """Keep names that a hostile file chose from steering a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _as_json(entries: list[dict[str, Any]]) -> str:
    return json.dumps({"format": FORMAT, "files": entries}, indent=2)


def _as_text(entries: list[dict[str, Any]]) -> str:
    """A line a file, with what alone was sought in it, and one for each finding that is no pass."""
    lines = []
    for entry in entries:
        sought = f" (sought: {entry['facts']['sought']})" if "sought" in entry["facts"] else ""
        lines.append(_printable(f"{entry['verdict']:12} {entry['path']}{sought}"))
        shown = [each for each in entry["findings"] if each["verdict"] != "pass"]
        lines.extend(_printable(f"    {each['verdict']:14} {each['message']}") for each in shown)
    return "\n".join(lines)
