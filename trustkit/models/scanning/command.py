"""What ``trustkit scan`` prints for model files, and its exit status."""

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

    Returns
    -------
    tuple
        The text, and the exit status: 0 all pass, 1 otherwise, 2 a path is not there.
    """
    missing = [path for path in paths if not Path(path).exists()]
    if missing:
        return "\n".join(f"{path}: no such file or folder" for path in missing), 2
    allowed, reports = tuple(allow), []
    for number, path in enumerate(dict.fromkeys(paths)):
        if progress:
            progress(number, len(paths), path)
        reports.append(scan(path, allow=allowed))
    status = int(any(report.verdict != "allowed" for report in reports))
    return (_as_json(reports) if format == "json" else _as_text(reports)), status


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
    return {
        "id": f"{CHECK}:{metric}:file={path}~{finding.what}~{finding.where}",
        "check": CHECK,
        "check_version": CHECK_VERSION,
        "metric": metric,
        "subject": {"file": path},
        "estimate": None,
        "interval": None,
        "level": None,
        "pass_interval": None,
        "p_fail": None,
        "limit": None,
        "n": None,
        "reference_n": None,
        "rows_needed": None,
        "detectable": None,
        "verdict": VERDICTS[finding.kind],
        "why": finding.why,
        "message": _sentence(finding),
        "remedy": REMEDIES[finding.kind],
    }


def _sentence(finding: Finding) -> str:
    return _printable(f"{finding.what} ({finding.kind}) at {finding.where}: {finding.why}")


def _printable(text: str) -> str:
    """Keep names that a hostile file chose from steering a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _as_json(reports: Iterable[ScanReport]) -> str:
    return json.dumps({"format": FORMAT, "files": [file_entry(report) for report in reports]}, indent=2)


def _as_text(reports: Iterable[ScanReport]) -> str:
    lines = []
    for report in reports:
        lines.append(_printable(f"{VERDICTS[report.verdict]:12} {report.path} ({report.verdict})"))
        lines.extend(f"    {_sentence(finding)}" for finding in report.findings)
    return "\n".join(lines)
