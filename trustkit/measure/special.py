"""SciPy's special functions, imported when one is first called: a configuration is checked without them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def _special() -> Any:
    with warnings.catch_warnings():  # SciPy sets a filter of its own when it is imported
        import scipy.special
    return scipy.special


def _late(name: str) -> Callable[..., Any]:
    def function(*arguments: Any) -> Any:
        return getattr(_special(), name)(*arguments)

    function.__name__ = name
    function.__doc__ = f"As ``scipy.special.{name}``."
    return function


bdtr = _late("bdtr")
betaincinv = _late("betaincinv")
digamma = _late("digamma")
erf = _late("erf")
gammainc = _late("gammainc")
gammaincc = _late("gammaincc")
gammaln = _late("gammaln")
hyp2f1 = _late("hyp2f1")
ndtr = _late("ndtr")
ndtri = _late("ndtri")
stdtrit = _late("stdtrit")
