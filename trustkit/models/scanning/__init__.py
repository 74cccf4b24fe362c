"""The artifact scanner: what a model file holds, told on the standard library alone."""

from trustkit.models.scanning.report import Cost, Finding, Limits, ScanReport
from trustkit.models.scanning.scanner import files_of, folder_digest, scan

__all__ = ["Cost", "Finding", "Limits", "ScanReport", "files_of", "folder_digest", "scan"]
