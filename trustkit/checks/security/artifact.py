"""Can loading the model's file run hostile code?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from re import match

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.artifacts import DANGEROUS, INCOMPLETE, UNKNOWN, Artifact, Artifacts, Found

_NAMED = 5


@check(
    version="1",
    metrics={
        "dangerous": Metric("dangerous parts", "count"),
        "unknown": Metric("unknown imports", "count"),
        "incomplete": Metric("unread parts", "count"),
        "versions": Metric("frameworks installed in another version", "count"),
    },
)
def artifact(artifacts: Artifacts, *, allow: Mapping[str, str] | None = None) -> Iterator[Estimate]:
    """Can loading the model's file run hostile code?

    The file that the configuration names as the model is walked through
    without being loaded, by its content and not by its name: pickles (joblib's
    and compressed ones too), archives, ONNX, skops, Keras and other formats.
    ``dangerous`` counts imports and parts that can run commands, read or write
    files or reach out; ``unknown`` imports that are neither known to be
    harmless nor known to be harmful; ``incomplete`` parts that could not be
    read to their end. All must be 0 for the file to pass; an unknown import or
    an unread part leaves it open, a dangerous one fails it.

    Why it matters
    --------------
    A pickle is a program. Whoever can exchange a model file can run code
    wherever it is loaded, with all that this place may see and do.

    How to read
    -----------
    The figures are facts about the file, and each names what it counts. The
    option ``allow`` names imports of your own, ``"package.module:Name"``, each
    with the reason why it is safe; they no longer count as unknown. A
    dangerous one cannot be allowed. That nothing was found says that the file
    imports known constructors alone, not that the model decides well: whose
    model it is, ``security/provenance`` tells. ``versions`` is shown, not
    judged: another version of a framework may decide otherwise. A model that
    is an object in memory or comes from a module was trusted, not scanned;
    its control stays open.

    Remedy
    ------
    Do not load the file. Have the model stored in a format that cannot run
    code (ONNX, XGBoost, LightGBM, skops), find out what an unknown import
    does and allow it with the reason, and write a broken file again.

    References
    ----------
    A/RES/78/265 6(f); NIST AI RMF, MEASURE 2.7; CWE-502.
    """
    if not artifacts.files:
        raise NotApplicable("no model file was scanned", supply="system.model as a file")
    allowed = {name.replace(":", ".", 1) for name in allow or {}}
    for file in artifacts.files:
        yield _count("dangerous", file, file.of_kind(DANGEROUS))
        strangers = [found for found in file.of_kind(UNKNOWN) if found.what not in allowed]
        yield _count("unknown", file, strangers)
        yield _count("incomplete", file, file.of_kind(INCOMPLETE))
        comparable = [version for version in file.versions if match(r"\d+\.\d", version.written)]
        changed = [version for version in comparable if version.written != version.installed]
        yield fact("versions", len(changed), 1, {"file": file.path})


def _count(metric: str, file: Artifact, found: list[Found]) -> Estimate:
    """Count findings in a file, and name the first."""
    made = fact(metric, len(found), 1, {"file": file.path})
    if not found:
        return made
    named = "; ".join(f"{each.what} at {each.where}: {each.why}" for each in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    certain = made.limits if metric == "dangerous" else None
    return Estimate(made.metric, made.subject, made.value, 1, 1, limits=certain, why=f"{named}{more}")
