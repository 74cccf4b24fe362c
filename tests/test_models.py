"""Models: found by name, asked in batches, answered canonically; every failure says where."""

import random
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trustkit.errors import ConfigError, ModelError
from trustkit.frames import Frame
from trustkit.models.objects import feature_names, predict, resolve

DATA = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0, 4.0], "b": [1, 0, 1, 0, 1], "y": [0, 0, 1, 1, 1]})


@pytest.fixture
def frame():
    return Frame.open(DATA)


def fitted(classes=(0, 1), model=None):
    model = model or LogisticRegression()
    return model.fit(DATA[["a", "b"]], np.array(classes)[DATA["y"]])


def problems(call, *args, **options):
    with pytest.raises(ConfigError) as caught:
        call(*args, **options)
    return caught.value.problems


def numpy_state():
    return np.random.get_state()[1].tolist()  # noqa: NPY002


def decoded(found):
    return [found.labels.names[code] for code in found.labels.codes]


class Fixed:
    """A classifier that answers what it is told."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, answer=None, chances=None):
        self.answer, self.chances = answer, chances

    def predict(self, X):
        return np.array(["no"] * len(X)) if self.answer is None else self.answer(X)

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5) if self.chances is None else self.chances(X)


# predict


@pytest.mark.parametrize(
    ("classes", "positive"),
    [((0, 1), "1"), ((0.0, 1.0), "1"), ((False, True), "true"), (("no", "yes"), "yes"), (("1", "0"), "0")],
)
@pytest.mark.parametrize("pipeline", [False, True])
def test_the_score_is_that_of_the_positive_class(frame, classes, positive, pipeline):
    model = fitted(classes, make_pipeline(StandardScaler(), LogisticRegression()) if pipeline else None)
    found = predict(model, frame, ["a", "b"], positive=positive, batch=2)
    at = list(model.classes_).index(classes[1])
    np.testing.assert_allclose(found.score, model.predict_proba(DATA[["a", "b"]])[:, at])
    assert found.score.dtype == np.float64
    assert found.calls == 3
    assert [text == positive for text in decoded(found)] == (
        model.predict(DATA[["a", "b"]]) == classes[1]
    ).tolist()


def test_batches_do_not_change_the_answer(frame):
    whole, single = (predict(fitted(), frame, ["a", "b"], positive="1", batch=size) for size in (100, 1))
    assert (whole.calls, single.calls) == (1, 5)
    assert whole.labels.names == single.labels.names
    assert (whole.labels.codes == single.labels.codes).all()
    np.testing.assert_allclose(whole.score, single.score)


@pytest.mark.parametrize(
    "source", [DATA, pl.DataFrame(DATA), pl.DataFrame(DATA).lazy(), pl.DataFrame(DATA).to_arrow()]
)
def test_a_model_sees_pandas_whatever_holds_the_rows(source):
    def model(X):
        assert isinstance(X, pd.DataFrame)
        assert list(X.columns) == ["b", "a"]
        return X["b"]

    assert decoded(predict(model, Frame.open(source), ["b", "a"], positive=None)) == ["1", "0", "1", "0", "1"]


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        tuple,
        np.array,
        pd.Series,
        pl.Series,
        lambda values: np.array(values, dtype=object),
        pd.Categorical,
        lambda values: pd.Series(values, index=[9, 9, 9, 9, 9]),
    ],
)
def test_every_kind_of_answer(frame, wrap):
    found = predict(lambda X: wrap(["x", "y", "x", "y", "x"]), frame, ["a"], positive="y")
    assert decoded(found) == ["x", "y", "x", "y", "x"]
    assert found.score is None


def test_some_missing_predictions_are_labels(frame):
    found = predict(lambda X: np.where(X["a"] > 3, np.nan, 1.0), frame, ["a"], positive=None, batch=2)
    assert decoded(found) == ["1", "1", "1", "1", "(missing)"]


def test_a_tensor_is_an_answer(frame):
    class Tensor:
        def __len__(self):
            return 5

        def __array__(self, dtype=None, copy=None):
            return np.arange(5)

    assert decoded(predict(lambda _: Tensor(), frame, ["a"], positive=None)) == list("01234")


def test_a_model_without_probabilities_has_no_score(frame):
    assert predict(fitted(model=LinearRegression()), frame, ["a", "b"], positive="1").score is None
    assert predict(fitted(), frame, ["a", "b"], positive=None).score is None


def test_a_classifier_may_answer_in_a_column(frame):
    assert decoded(predict(Fixed(lambda X: X[["b"]].to_numpy()), frame, ["b"], positive=None)) == list(
        "10101"
    )


def fail(_):
    raise KeyError("secret")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (fail, r"batch 1 \(rows 1 to 2\).*KeyError"),
        (lambda X: X["a"].tolist() if X["a"].iloc[0] < 2 else fail(X), r"batch 2 \(rows 3 to 4\)"),
        (lambda X: [1], "batch 1 .*expected 2 predictions, got 1"),
        (lambda X: [1] * 2, "batch 3 .*expected 1 predictions, got 2"),
        (lambda X: np.ones((len(X), 2)), r"\(2, 2\)"),
        (lambda X: np.ones((len(X), 1)), r"\(2, 1\)"),
        (lambda X: X, r"\(2, 1\)"),
        (lambda X: [[1], [2]], "cannot be a label"),
        (lambda X: 1, "got a int"),
        (lambda X: None, "got a NoneType"),
        (lambda X: "ab", "got a str"),
        (lambda X: {"a": 1, "b": 2}, "got a dict"),
        (lambda X: (value for value in X["a"]), "got a generator"),
        (lambda X: [None] * len(X), "every prediction is missing"),
        (Fixed(fail), "KeyError"),
        (Fixed(chances=fail), "KeyError"),
        (
            Fixed(chances=lambda X: np.ones((len(X), 3))),
            r"expected probabilities of shape \(2, 2\), got \(2, 3\)",
        ),
        (Fixed(chances=lambda X: np.ones(len(X))), r"got \(2,\)"),
        (LogisticRegression(), "NotFittedError"),
    ],
)
def test_a_model_that_fails(frame, model, said):
    with pytest.raises(ModelError, match=said) as caught:
        predict(model, frame, ["a"], positive="yes", batch=2)
    assert "secret" not in str(caught.value)


def test_the_model_s_own_exception_is_chained(frame):
    with pytest.raises(ModelError) as caught:
        predict(fail, frame, ["a"], positive=None)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_positive_class_that_the_model_does_not_know(frame):
    assert problems(predict, Fixed(), frame, ["a"], positive="yess") == [
        ("data.positive", "the model has no class 'yess'", "yes")
    ]


def test_progress_is_told(frame):
    told = []
    predict(fitted(), frame, ["a", "b"], positive="1", batch=2, progress=lambda *done: told.append(done))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_nothing_is_left_changed(frame):
    def model(X):
        X["a"] = 99.0
        del X["b"]
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        warnings.simplefilter("ignore")
        return [1] * len(X)

    before = DATA.copy(deep=True)
    np.random.seed(7)  # noqa: NPY002
    states = numpy_state(), random.getstate(), list(warnings.filters), list(sys.path)
    predict(model, frame, ["a", "b"], positive=None)
    after = numpy_state(), random.getstate(), list(warnings.filters), list(sys.path)
    assert states == after
    pd.testing.assert_frame_equal(DATA, before)


def test_probabilities_are_asked_of_untouched_rows(frame):
    def spoil(X):
        X["a"] = 99.0
        return ["no"] * len(X)

    model = Fixed(spoil, lambda X: np.column_stack([X["a"], X["a"]]))
    assert predict(model, frame, ["a"], positive="yes").score.tolist() == DATA["a"].tolist()


def test_a_warning_of_the_model_is_not_an_error(frame):
    def model(X):
        warnings.warn("X does not have valid feature names", UserWarning, stacklevel=1)
        return [1] * len(X)

    with pytest.warns(UserWarning, match="valid feature names"):
        assert predict(model, frame, ["a"], positive=None).calls == 1


# feature_names


def test_the_columns_that_a_model_sees():
    columns = ["a", "b", "y", "w"]
    assert feature_names(fitted(), columns, exclude={"y"}) == ["a", "b"]
    assert feature_names(fail, columns, exclude={"y", "w"}) == ["a", "b"]
    assert feature_names(fitted(), columns, exclude=(), declared=["w", "a"]) == ["w", "a"]


def test_every_feature_that_is_missing_is_named():
    found = problems(feature_names, fail, ["income", "age"], exclude=(), declared=["incmoe", "age", "zzz"])
    assert found == [
        ("data.features", "no column 'incmoe' in the data", "income"),
        ("data.features", "no column 'zzz' in the data", None),
    ]
    found = problems(feature_names, fitted(), ["A", "y"], exclude=())
    assert [(problem.nearest, "trained on" in problem.found) for problem in found] == [
        ("A", True),
        (None, True),
    ]
    assert "no column is left" in problems(feature_names, fail, ["y"], exclude=["y"])[0].found


# resolve


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "credit").mkdir()
    (tmp_path / "credit/__init__.py").write_text("")
    (tmp_path / "credit/rules.py").write_text(
        "import sys, numpy\n"
        "numpy.random.seed(3)\n"
        "sys.path.append('/nowhere')\n"
        "def decide(X): return [1] * len(X)\n"
        "class Model:\n    def predict(self, X): return [1] * len(X)\n"
        "model = Model()\n"
        "limit = 3\n"
    )
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit(1)\n")
    (tmp_path / "model.joblib").write_text("")
    yield tmp_path
    for name in [
        each for each in sys.modules if each.partition(".")[0] in {"credit", "broken", "leaves", "scoring"}
    ]:
        del sys.modules[name]


def test_an_object_stays_itself(folder):
    model = fitted()
    assert resolve(model, folder=folder) is model
    assert resolve(fail, folder=folder) is fail


def test_a_name_is_imported_from_the_folder(folder):
    path, state = list(sys.path), numpy_state()
    assert resolve("credit.rules:decide", folder=folder)([1, 2]) == [1, 1]
    assert resolve("credit.rules:model", folder=folder).predict([1]) == [1]
    assert resolve("credit.rules:model.predict", folder=str(folder))([1]) == [1]
    assert sys.path == path
    assert numpy_state() == state


def test_a_module_of_the_same_name_in_another_folder_is_another(folder):
    for answer in (1, 2):
        (folder / str(answer)).mkdir()
        (folder / str(answer) / "scoring.py").write_text(f"def decide(X): return {answer}\n")
    assert [resolve("scoring:decide", folder=folder / each)(None) for each in ("1", "2", "1")] == [1, 2, 1]


@pytest.mark.parametrize(
    ("spec", "said", "near"),
    [
        ("https://example.org/v1", "endpoint", None),
        ("credit", "no model file that can be loaded", None),
        ("missing.ONNX", "there is no file missing.ONNX", None),
        ("C:/models/m.pkl", "there is no file", None),
        ("nonsense", "package.module:object", None),
        ("credit.rules:", "package.module:object", None),
        ("credit.rules:decdie", "no 'decdie' in credit.rules", "decide"),
        ("credit.rules:model.predcit", "no 'predcit' in Model", "predict"),
        ("credt:decide", "ModuleNotFoundError: No module named 'credt'", "credit"),
        ("broken:decide", "No module named 'nothing_of_this_name'", None),
        ("leaves:decide", "SystemExit", None),
        ("credit.rules:limit", "is a int", None),
        ("credit.rules:Model", "is the class Model", None),
    ],
)
def test_a_name_that_leads_to_no_model(folder, spec, said, near):
    path = list(sys.path)
    (problem,) = problems(resolve, spec, folder=folder)
    assert problem.key == "system.model"
    assert said in problem.found
    assert problem.nearest == near
    assert sys.path == path


@pytest.mark.parametrize("model", [LogisticRegression, 3, {"predict": 1}, None])
def test_an_object_that_is_no_model(folder, model):
    assert problems(resolve, model, folder=folder)[0].key == "system.model"


def test_a_path_object_is_a_path(folder):
    found = problems(resolve, folder / "model.joblib", folder=folder)
    assert "The scan found content (incomplete)" in found[0].found
