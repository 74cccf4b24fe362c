"""Honest model and data files, made by the libraries themselves; each belongs to one of two halves."""

# ruff: noqa: E501

from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections import Counter, OrderedDict, defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS = 60


class Honest(NamedTuple):
    """One honest file: its name, the object it came from, its content."""

    name: str
    origin: str
    content: bytes

    @property
    def half(self) -> int:
        """0 for the half that the allow-list is made from, 1 for the half that it is judged on."""
        return hashlib.sha256(self.origin.encode()).digest()[0] & 1


def files() -> Iterator[Honest]:
    """Make the whole corpus."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from _of_objects()
        yield from _natives()
        yield from _arrays()
        yield from _archives()


def dumped(thing: Any, *, protocol: int | None = None) -> bytes:
    """Pickle an object."""
    return pickle.dumps(thing, protocol)


def joblibbed(thing: Any, compress: Any = 0) -> bytes:
    """Dump an object with joblib."""
    file = io.BytesIO()
    joblib.dump(thing, file, compress=compress)
    return file.getvalue()


def _of_objects() -> Iterator[Honest]:
    compressions = ["gzip", "bz2", "xz", "lzma", "lz4"]
    for number, (origin, thing) in enumerate(_objects()):
        yield Honest(f"{origin}.pkl", origin, dumped(thing))
        yield Honest(f"{origin}.joblib", origin, joblibbed(thing))
        yield Honest(f"{origin}.joblib.z", origin, joblibbed(thing, 3))
        kind = compressions[number % len(compressions)]
        if number % 4 == 0:
            yield Honest(f"{origin}.joblib.{kind}", origin, joblibbed(thing, (kind, 3)))
        elif number % 4 == 1:
            protocol = number // 4 % 5
            yield Honest(f"{origin}.{protocol}.pkl", origin, dumped(thing, protocol=protocol))


def _objects() -> Iterator[tuple[str, Any]]:
    yield from fitted().items()
    yield from _compositions()
    yield from _boosters()
    yield from _values()


@cache
def fitted() -> dict[str, Any]:
    """Fit every scikit-learn estimator that does so on its defaults, but for t-SNE's many steps."""
    from sklearn.utils import all_estimators

    made = {}
    for name, cls in all_estimators():
        for X, y in _tables(name):
            try:
                made[name] = cls(**{"max_iter": 250} if name == "TSNE" else {}).fit(X, y)
                break
            except Exception:  # noqa: S112 (the next table may suit it)
                continue
    return made


def _tables(name: str) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 4))
    label = (X[:, 0] + X[:, 1] > 0).astype(int)
    words = [f"word{i % 7} token{i % 5} text" for i in range(ROWS)]
    if "Vectorizer" in name and name != "DictVectorizer":
        return [(words, label)]
    if name in ("DictVectorizer", "FeatureHasher"):
        return [([{"a": 1, "b": i} for i in range(ROWS)], None)]
    if "LabelBinarizer" in name or name == "LabelEncoder":
        return [(label, None), ([("a", "b"), ("b",)], None)]
    positive = abs(X)
    return [(X, label), (X, X[:, 0]), (positive, positive[:, 0] + 0.1), (X, X[:, :2]), (X[:, 0], label)]


def _compositions() -> Iterator[tuple[str, Any]]:
    import pandas as pd
    from scipy.stats import loguniform, randint
    from sklearn import ensemble, linear_model, model_selection, multiclass, multioutput, svm, tree
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SelectKBest, f_regression
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels
    from sklearn.impute import SimpleImputer
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

    X, label = _tables("")[0]
    logistic = linear_model.LogisticRegression()
    frame = pd.DataFrame(X, columns=list("abcd")).assign(
        sex=np.where(label, "F", "M"), city=pd.Categorical(np.where(X[:, 2] > 0, "Almaty", "Astana"))
    )
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), list("abcd")),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["sex", "city"]),
        ]
    )
    selecting = ColumnTransformer(
        [("words", OrdinalEncoder(), make_column_selector(dtype_exclude=float))], remainder="passthrough"
    )
    pairs = [("a", logistic), ("b", tree.DecisionTreeClassifier(max_depth=2))]
    regressors = [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=2))]
    grid = {"C": [0.1, 1.0]}
    for name, model, target, table in (
        ("pipeline", make_pipeline(StandardScaler(), logistic), label, X),
        ("pipeline-pca", make_pipeline(StandardScaler(), PCA(2), KNeighborsClassifier()), label, X),
        ("pipeline-log", make_pipeline(FunctionTransformer(np.sqrt), logistic), label, abs(X)),
        ("pipeline-select", make_pipeline(SelectKBest(f_regression, k=2), linear_model.Lasso()), X[:, 0], X),
        ("columns", make_pipeline(columns, logistic), label, frame),
        ("columns-forest", make_pipeline(columns, ensemble.RandomForestClassifier(5)), label, frame),
        ("columns-boost", make_pipeline(columns, ensemble.GradientBoostingClassifier(n_estimators=5)), label, frame),
        ("columns-select", make_pipeline(selecting, tree.DecisionTreeClassifier()), label, frame),
        ("union", make_pipeline(FeatureUnion([("p", PCA(1)), ("k", SelectKBest(k=1))]), logistic), label, X),
        ("grid", model_selection.GridSearchCV(logistic, grid, cv=3), label, X),
        ("grid-scoring", model_selection.GridSearchCV(logistic, grid, cv=3, scoring="roc_auc"), label, X),
        ("grid-pipeline", model_selection.GridSearchCV(make_pipeline(columns, logistic), {"logisticregression__C": [1.0]}, cv=2), label, frame),
        ("random-search", model_selection.RandomizedSearchCV(logistic, {"C": loguniform(0.1, 1)}, n_iter=2, cv=2, random_state=0), label, X),
        ("random-forest-search", model_selection.RandomizedSearchCV(ensemble.RandomForestClassifier(3), {"max_depth": randint(1, 3)}, n_iter=2, cv=2, random_state=0), label, X),
        ("voting", ensemble.VotingClassifier(pairs), label, X),
        ("stacking", ensemble.StackingClassifier(pairs, cv=2), label, X),
        ("voting-regressor", ensemble.VotingRegressor(regressors), X[:, 0], X),
        ("stacking-regressor", ensemble.StackingRegressor(regressors, cv=2), X[:, 0], X),
        ("bagging", ensemble.BaggingClassifier(svm.SVC(), n_estimators=2), label, X),
        ("adaboost", ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=1), n_estimators=3), label, X),
        ("calibrated", CalibratedClassifierCV(svm.LinearSVC(), cv=2), label, X),
        ("isotonic", CalibratedClassifierCV(logistic, method="isotonic", cv=2), label, X),
        ("one-vs-rest", multiclass.OneVsRestClassifier(logistic), label, X),
        ("one-vs-one", multiclass.OneVsOneClassifier(logistic), label, X),
        ("output-code", multiclass.OutputCodeClassifier(logistic), label, X),
        ("multi-output", multioutput.MultiOutputRegressor(linear_model.Ridge()), X[:, :2], X),
        ("chain", multioutput.RegressorChain(linear_model.Ridge()), X[:, :2], X),
        ("rfe", RFE(logistic), label, X),
        ("rfecv", RFECV(logistic, cv=2), label, X),
        ("from-model", SelectFromModel(tree.DecisionTreeClassifier()), label, X),
        ("target", TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1), abs(X[:, 0]), X),
        ("gaussian", GaussianProcessRegressor(kernels.RBF() + kernels.WhiteKernel()), X[:, 0], X),
        ("quantile-boost", ensemble.GradientBoostingRegressor(loss="quantile", n_estimators=5), X[:, 0], X),
        ("hist-categories", ensemble.HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype"), label, frame.drop(columns="sex")),
        ("hist-poisson", ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=5), abs(X[:, 0]), X),
        ("sgd-log", linear_model.SGDClassifier(loss="log_loss"), label, X),
        ("sgd-huber", linear_model.SGDClassifier(loss="modified_huber"), label, X),
        ("balltree", KNeighborsClassifier(algorithm="ball_tree"), label, X),
        ("words-labels", linear_model.LogisticRegression(), np.where(label, "yes", "no"), X),
        ("objects-labels", ensemble.RandomForestClassifier(3), np.where(label, "yes", "no").astype(object), X),
    ):  # fmt: skip
        yield name, model.fit(table, target)
    plain = make_pipeline(StandardScaler(), logistic).fit(X, label)
    yield (
        "dictionary",
        {
            "model": plain,
            "features": list("abcd"),
            "score": np.float64(0.9),
            "at": datetime(2026, 1, 1, tzinfo=UTC),
        },
    )
    yield "list-of-models", [plain, columns.fit(frame, label)]
    yield "cross-validation", model_selection.cross_validate(logistic, X, label, cv=3)
    yield (
        "splits",
        [model_selection.KFold(3), model_selection.StratifiedKFold(3), model_selection.ShuffleSplit(2)],
    )


def _boosters() -> Iterator[tuple[str, Any]]:
    import lightgbm
    import xgboost

    X, label = _tables("")[0]
    settings: dict[str, Any] = {"n_estimators": 3, "n_jobs": 1}
    yield "xgboost-classifier", xgboost.XGBClassifier(**settings).fit(X, label)
    yield "xgboost-regressor", xgboost.XGBRegressor(**settings).fit(X, X[:, 0])
    yield "xgboost-forest", xgboost.XGBRFClassifier(**settings).fit(X, label)
    yield "xgboost-linear", xgboost.XGBClassifier(booster="gblinear", **settings).fit(X, label)
    yield "xgboost-ranker", xgboost.XGBRanker(**settings).fit(X, label, qid=np.zeros(ROWS, int))
    yield "xgboost-booster", xgboost.train({"nthread": 1}, xgboost.DMatrix(X, label), 3)
    settings["verbose"] = -1
    yield "lightgbm-classifier", lightgbm.LGBMClassifier(**settings).fit(X, label)
    yield "lightgbm-regressor", lightgbm.LGBMRegressor(**settings).fit(X, X[:, 0])
    yield "lightgbm-ranker", lightgbm.LGBMRanker(**settings).fit(X, label, group=[ROWS])
    yield "lightgbm-booster", lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(X, label), 3)


def _values() -> Iterator[tuple[str, Any]]:
    import pandas as pd
    from scipy import sparse
    from scipy.interpolate import BSpline, interp1d

    rng = np.random.default_rng(0)
    yield from {
        "plain": [1, 2.5, "text", b"bytes", None, True, (1, 2), {"a": {1, 2}}, frozenset("ab"), 1 << 80, 1j],
        "collections": [Counter("aab"), OrderedDict(a=1), defaultdict(list, a=[1])],
        "moments": [datetime(2026, 1, 1, tzinfo=UTC), timedelta(1), datetime(2026, 1, 1).date()],
        "exact-numbers": [Decimal("1.5"), Fraction(1, 3), slice(1, 2), range(3)],
        "float-array": rng.normal(size=(20, 3)),
        "float32-array": rng.normal(size=(20, 3)).astype("f4"),
        "fortran-array": np.asfortranarray(rng.normal(size=(20, 3))),
        "big-endian-array": rng.normal(size=20).astype(">f8"),
        "text-array": np.array(["a", "bc"]),
        "bytes-array": np.array([b"a", b"bc"]),
        "object-array": np.array(["a", None, 1.5], dtype=object),
        "boolean-array": rng.normal(size=20) > 0,
        "time-array": np.array(["2026-01-01", "2026-01-02"], dtype="M8[D]"),
        "structured-array": np.array([(1, 2.0, "a")], dtype=[("a", "i4"), ("b", "f8"), ("c", "U3")]),
        "empty-array": np.empty((0, 3)),
        "zero-dimensional": np.array(3.0),
        "complex-array": np.array([1j, 2]),
        "masked-array": np.ma.masked_array([1, 2, 3], mask=[0, 1, 0]),
        "many-arrays": {f"a{i}": rng.normal(size=i) for i in range(20)},
        "shared-arrays": [np.arange(3)] * 3,
        "scalars": [np.float64(1), np.int32(2), np.bool_(True), np.str_("a"), np.datetime64("2026-01-01")],
        "generator": rng,
        "random-state": np.random.RandomState(0),
        "dtypes": [np.dtype("f4"), np.dtype([("a", "i8"), ("b", "O")]), np.dtype("M8[ns]")],
        "ufuncs": [np.log1p, np.sqrt, np.add],
        "csr": sparse.csr_matrix(np.eye(3)),
        "csc": sparse.csc_matrix(np.eye(3)),
        "coo": sparse.coo_matrix(np.eye(3)),
        "csr-array": sparse.csr_array(np.eye(3)),
        "spline": BSpline(np.arange(6.0), np.ones(3), 2),
        "interpolation": interp1d([0, 1, 2], [1, 2, 3]),
        "frame": pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, None]}),
        "frame-categories": pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [True, False]}),
        "frame-times": pd.DataFrame({"a": pd.date_range("2026-01-01", periods=3), "b": pd.to_timedelta([1, 2, 3])}),
        "frame-zones": pd.DataFrame({"a": pd.date_range("2026-01-01", periods=3, tz="UTC")}),
        "frame-nullable": pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean"), "c": pd.array([1.5, None], "Float64")}),
        "series": pd.Series([1.5, 2.5], index=["a", "b"], name="s"),
        "series-objects": pd.Series(["a", None, 1], dtype=object),
        "index": pd.Index([3, 1, 2]),
        "multi-index": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]),
        "intervals": pd.cut(pd.Series([1, 2, 3]), 2),
        "periods": pd.period_range("2026-01", periods=3, freq="M"),
        "stamps": [pd.Timestamp("2026-01-01"), pd.Timedelta(1, "D"), pd.NaT, pd.NA],
    }.items()  # fmt: skip


def _natives() -> Iterator[Honest]:
    import lightgbm
    import skl2onnx
    import skops.io
    import xgboost
    from skl2onnx.common.data_types import FloatTensorType

    X, label = _tables("")[0]
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(X, label), 3)
    for form in ("json", "ubj"):
        yield Honest(f"model.{form}", f"xgboost-{form}", bytes(booster.save_raw(form)))
    gradient = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(X, label), 3)
    yield Honest("model.txt", "lightgbm-text", gradient.model_to_string().encode())
    shape = [("x", FloatTensorType([None, 4]))]
    for number, (name, model) in enumerate(fitted().items()):
        if number % 3 == 0:
            with suppress(Exception):  # skops does not write every estimator
                yield Honest(f"{name}.skops", f"skops-{name}", skops.io.dumps(model))
        if name.endswith(("Classifier", "Regression", "NB", "Scaler")):
            with suppress(Exception):  # skl2onnx does not convert every estimator
                onnx = skl2onnx.to_onnx(model, initial_types=shape, target_opset=17).SerializeToString()
                yield Honest(f"{name}.onnx", f"onnx-{name}", onnx)


def _arrays() -> Iterator[Honest]:
    for name, thing in _values():
        if isinstance(thing, np.ndarray) and not isinstance(thing, np.ma.MaskedArray):
            yield Honest(f"{name}.npy", name, _saved(np.save, thing))
            yield Honest(f"{name}.npz", name, _saved(np.savez, a=thing, b=thing))
            yield Honest(f"{name}-packed.npz", name, _saved(np.savez_compressed, thing))


def _saved(save: Callable[..., None], *args: Any, **kwargs: Any) -> bytes:
    file = io.BytesIO()
    save(file, *args, **kwargs)
    return file.getvalue()


def _archives() -> Iterator[Honest]:
    model = dumped(dict(_small_model()))
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield Honest(f"model-{method}.zip", "zip", zipped({"model.pkl": model, "a/b.json": b"{}"}, method))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("models/model.pkl")
        member.size = len(model)
        tar.addfile(member, io.BytesIO(model))
    yield Honest("model.tar", "tar", file.getvalue())
    yield Honest("model.safetensors", "safetensors", safetensors())
    yield Honest("state.pt", "torch-zip", torch_zip())
    yield Honest("config.json", "json", json.dumps({"hidden": 4}).encode())
    yield Honest("two.pkl", "two-pickles", dumped([1, 2]) + dumped({"a": 1}))


def _small_model() -> Iterator[tuple[str, Any]]:
    from sklearn.linear_model import LogisticRegression

    X, label = _tables("")[0]
    yield "model", LogisticRegression().fit(X, label)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Make a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def safetensors() -> bytes:
    """Make a safetensors file by hand."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


TORCH_STATE = (
    b"\x80\x02ccollections\nOrderedDict\n)Rq\x00X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n"
    b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQ"
    b"K\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs."
)


def torch_zip() -> bytes:
    """Make a state dict as torch writes one, by hand."""
    members = {"m/data.pkl": TORCH_STATE, "m/byteorder": b"little", "m/data/0": bytes(8), "m/version": b"3\n"}
    return zipped(members)


def folder(root: Path) -> None:
    """Write a model folder as MLflow does."""
    (root / "MLmodel").write_text("artifact_path: model\nflavors:\n  python_function:\n    env: conda.yaml\n")
    (root / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    (root / "README.md").write_text("# A model\n\nSome words about it, in no format at all.\n")
    (root / "model.pkl").write_bytes(dumped(dict(_small_model())))
