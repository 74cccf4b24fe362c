"""Write the scanner's allow-list from one half of the honest corpus and from the frameworks themselves.

Run it where the frameworks are installed: ``python scripts/make_allowlist.py``; then, with ``--add``,
where their oldest supported versions are, whose files name other modules. Names come from three
sources: the half of the corpus that tests do not judge (what its files import, and which of that
they call), the classes that a fitted model may hold by the frameworks' own account, and the names
below, which older versions write or which other people's packages need.
"""

from __future__ import annotations

import inspect
import json
import sys
import warnings
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "scanning"))

import honest_corpus  # noqa: E402

from trustkit.models.scanning import scan  # noqa: E402
from trustkit.models.scanning.allowlist import Allowlist  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Names = set[tuple[str, str]]

# Classes of these modules are parts of fitted models, besides those that stand beside an estimator.
PARTS = (
    "lightgbm.sklearn",
    "scipy.sparse",
    "sklearn._loss.link",
    "sklearn._loss.loss",
    "sklearn.ensemble._hist_gradient_boosting.binning",
    "sklearn.ensemble._hist_gradient_boosting.predictor",
    "sklearn.gaussian_process.kernels",
    "sklearn.metrics._scorer",
    "sklearn.model_selection._split",
    "sklearn.neural_network._stochastic_optimizers",
    "sklearn.utils._bunch",
    "sklearn.utils._metadata_requests",
    "trustkit.remedies.deciding",
)
# Compiled classes of these modules are made by a call that restores their parameters.
COMPILED = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast", "sklearn.metrics._dist_metrics")
# What calls a function of the file's choice when it is made.
EXCLUDED = {("sklearn.metrics._dist_metrics", f"PyFuncDistance{bits}") for bits in (32, 64)}
# Functions that people hand to estimators; a model refers to them and never calls them on loading.
SCORES = {
    "sklearn.feature_selection._univariate_selection": ("chi2", "f_classif", "f_regression", "r_regression"),
    "sklearn.feature_selection._mutual_info": ("mutual_info_classif", "mutual_info_regression"),
    "sklearn.cluster._kmeans": ("_kmeans_single_elkan", "_kmeans_single_lloyd"),
    "sklearn.metrics.pairwise": ("rbf_kernel", "linear_kernel", "polynomial_kernel", "cosine_similarity"),
}  # fmt: skip
CALLED = {
    "builtins": ("bytearray", "complex", "frozenset", "set", "slice", "range", "object"),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "copyreg": ("_reconstructor",),
    "_codecs": ("encode",),
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "uuid": ("UUID",),
    "numpy": ("dtype",),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.numeric": ("_frombuffer",),
    "numpy.core.numeric": ("_frombuffer",),
    "numpy.ma.core": ("_mareconstruct",),
    "sklearn.neighbors._ball_tree": ("newObj",),
    "sklearn.neighbors._kd_tree": ("newObj",),
    "sklearn.tree._tree": ("Tree",),
    "torch._utils": ("_rebuild_tensor_v2", "_rebuild_parameter"),
}
KINDS = ("BFloat16", "Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")
REFERRED = {
    "builtins": ("bool", "bytes", "dict", "float", "int", "list", "str", "tuple"),
    "numpy": ("ndarray", "bool_", "str_", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"),
    "joblib.numpy_pickle": ("NumpyArrayWrapper",),
    "lightgbm.basic": ("Booster",),
    "sklearn.neighbors._ball_tree": ("BallTree", "BallTree32", "BallTree64"),
    "sklearn.neighbors._kd_tree": ("KDTree", "KDTree32", "KDTree64"),
    "xgboost.core": ("Booster",),
    "xgboost.sklearn": ("XGBClassifier", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"),
    "torch": tuple(f"{kind}Storage" for kind in KINDS),
}  # fmt: skip


def estimators() -> Names:
    """Return every public estimator of scikit-learn, what stands beside it, and its default functions."""
    from sklearn.utils import all_estimators

    found: Names = set()
    for _, cls in all_estimators():
        found |= classes(cls.__module__)
        for parameter in inspect.signature(cls).parameters.values():
            if inspect.isroutine(parameter.default):
                found |= pickled_names([parameter.default])
    return found


def classes(module: str) -> Names:
    """Return the classes that a module defines; of ``scipy.sparse``, those that its parts do."""
    found: Names = set()
    for name, thing in vars(import_module(module)).items():
        home = str(getattr(thing, "__module__", ""))
        own = home == module or (module == "scipy.sparse" and home.startswith(module))
        if inspect.isclass(thing) and own and not issubclass(thing, BaseException):
            found.add((home, name))
    return found


def restorers(module: str) -> Names:
    """Return the functions that restore the compiled classes of a module."""
    return {(module, name) for name in vars(import_module(module)) if name.startswith("__pyx_unpickle_")}


def pandas_types() -> Names:
    """Return the tables, indexes, arrays and dtypes of pandas."""
    import pandas as pd

    kinds = (
        pd.DataFrame,
        pd.Series,
        pd.Index,
        pd.api.extensions.ExtensionDtype,
        pd.api.extensions.ExtensionArray,
    )
    things = [*vars(pd).values(), *vars(pd.arrays).values()]
    return {
        (thing.__module__, thing.__name__)
        for thing in things
        if inspect.isclass(thing) and issubclass(thing, kinds)
    }


def distributions() -> Names:
    """Return the distributions of scipy, which a random search holds."""
    from scipy import stats
    from scipy.stats import _distn_infrastructure as infrastructure

    kinds = {type(thing) for thing in vars(stats).values() if isinstance(thing, infrastructure.rv_generic)}
    frozen = (infrastructure.rv_continuous_frozen, infrastructure.rv_discrete_frozen)
    return {(kind.__module__, kind.__name__) for kind in {*kinds, *frozen}}


def pickled_names(things: list[Any]) -> Names:
    """Return the names under which pickles refer to things."""
    return set(scan(honest_corpus.dumped(things)).facts["imports"])


def ufuncs() -> Names:
    """Return the elementwise functions of NumPy."""
    return pickled_names([thing for thing in vars(np).values() if isinstance(thing, np.ufunc)])


def harvested() -> tuple[Names, Names]:
    """Return what the first half of the corpus imports and calls."""
    imports: Names = set()
    calls: Names = set()
    for file in honest_corpus.files():
        if file.half == 0:
            report = scan(file.content)
            imports.update(report.facts["imports"])
            calls.update(report.facts["calls"])
    return imports, calls


def table(names: Names) -> dict[str, list[str]]:
    """Group names by module, sorted."""
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for module, name in sorted(names):
        grouped[module].append(name)
    return dict(grouped)


def names_of(grouped: Mapping[str, Sequence[str]]) -> Names:
    """Return the names of a table."""
    return {(module, name) for module, names in grouped.items() for name in names}


def main() -> None:
    """Write the list."""
    warnings.simplefilter("ignore")
    imports, calls = harvested()
    calls |= names_of(CALLED).union(*map(classes, COMPILED), *map(restorers, COMPILED))
    imports |= calls | estimators() | pandas_types() | distributions() | ufuncs()
    imports |= names_of(SCORES) | names_of(REFERRED).union(*map(classes, PARTS))
    judge = Allowlist()
    excluded = EXCLUDED | {name for name in imports if judge.danger(*name)}
    imports -= excluded
    calls -= excluded
    path = ROOT / "trustkit" / "models" / "scanning" / "allowed.json"
    if "--add" in sys.argv:
        before = json.loads(path.read_text())
        imports |= names_of(before["imports"])
        calls |= names_of(before["calls"])
    path.write_text(json.dumps({"imports": table(imports), "calls": table(calls)}, indent=1) + "\n")
    sys.stdout.write(f"{len(imports)} names, {len(calls)} of them called\n")


if __name__ == "__main__":
    main()
