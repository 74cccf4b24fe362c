"""What the error of a server tells of its inside: stack traces, paths, versions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trustkit.evidence.probes import PATH, TRACE, VERSION

_TRACES = (
    re.compile(r"Traceback \(most recent call last\)"),
    re.compile(r'File \\?"[^"\n]{1,300}\\?", line \d+'),
    re.compile(r"\bat [\w.$<>]+\([\w.]+\.(?:java|kt|scala):\d+\)"),
    re.compile(r"\bat .{1,200} in .{1,200}:line \d+"),
    re.compile(r"\bat .{0,200}[(/\\][\w.-]+\.[cm]?[jt]s:\d+:\d+"),
    re.compile(r"\bgoroutine \d+ \["),
    re.compile(r"thread '[^']{1,100}' panicked at"),
)
_PATHS = re.compile(
    r"(?<![\w/:.-])/(?:app|code|etc|home|mnt|opt|root|srv|tmp|usr|var|workspace)/[\w./+-]+"
    r"|\b[A-Z]:\\+[\w. -]+\\|site-packages"
)
_NAMED = re.compile(
    r"\b(?:Apache|BaseHTTP|Flask|FastAPI|Jetty|Kestrel|MLServer|PHP|Python|Tomcat|TornadoServer|Werkzeug"
    r"|gunicorn|hypercorn|nginx|openresty|uvicorn)[/ ]v?\d+(?:\.\d+)+",
    re.IGNORECASE,
)
_HEADERS = ("server", "x-aspnet-version", "x-powered-by")
_NUMBER = re.compile(r"[/ ]v?\d+\.\d+")
_READ = 1 << 16


def leaks(headers: Mapping[str, str], data: bytes, path: str) -> tuple[str, ...]:
    """Name what a reply tells, without repeating it.

    Parameters
    ----------
    headers : mapping of str to str
        By names in lower case.
    data : bytes
        Its body, of which the first 64 KiB are looked through.
    path : str
        Path of the address, which a reply may repeat.
    """
    text = data[:_READ].decode("utf-8", "replace")
    text = text.replace(path, "") if path.strip("/") else text
    found = {
        TRACE: any(pattern.search(text) for pattern in _TRACES),
        PATH: _PATHS.search(text) is not None,
        VERSION: _NAMED.search(text) is not None
        or any(_NUMBER.search(headers.get(name, "")) for name in _HEADERS),
    }
    return tuple(sorted(name for name, told in found.items() if told))
