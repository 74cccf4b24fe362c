"""The monitor: records what a model decides, judges its claims, and raises nothing into the service."""

import asyncio
import copy
import inspect
import logging
import pickle
import threading
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import check_is_fitted
from streams import HOUR, audited

from trustkit import ConfigError, Monitor, Verdict
from trustkit.monitor.store import Store, StoreFault


@pytest.fixture(scope="module")
def evidence():
    return audited()


@pytest.fixture
def monitor(evidence):
    with Monitor(evidence, store=":memory:") as made:
        yield made


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["clerk", "driver", "nurse"], n),
            "sex": rng.choice(["F", "M"], n),
        }
    )


@pytest.fixture(scope="module")
def model():
    X = rows(300)
    made = make_column_transformer((OneHotEncoder(), ["job"]), ("passthrough", ["age"]))
    return make_pipeline(made, LogisticRegression()).fit(X[["age", "job"]], X["age"] > 40)


def total(monitor, ledger="decided"):
    """Rows of a ledger, of all panes."""
    monitor.flush()
    table = monitor._store.read().counts.get(ledger)
    return 0 if table is None else int(table.n.sum())


def cells(monitor, ledger="decided"):
    """Rows by key of a ledger."""
    monitor.flush()
    table = monitor._store.read().counts[ledger]
    found = Counter()
    for key, n in zip(table.key.tolist(), table.n.tolist(), strict=True):
        found[table.keys[key]] += n
    return dict(found)


class TestConstruction:
    def test_signature_is_that_of_the_contract(self):
        known = inspect.signature(Monitor).parameters
        assert list(known)[:2] == ["evidence", "policy"]
        defaults = {
            name: known[name].default for name in ("store", "alpha", "window", "label_delay", "label_ttl")
        }
        assert defaults == {
            "store": "monitor.db",
            "alpha": 0.05,
            "window": "1h",
            "label_delay": "28d",
            "label_ttl": "90d",
        }
        record = inspect.signature(Monitor.record).parameters
        assert list(record) == ["self", "X", "prediction", "score", "sensitive", "ids", "at", "latency"]

    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ({"windw": "1h"}, "windw: is no option of a monitor; did you mean 'window'?"),
            ({"window": "1 year"}, "window: '1 year' is no span of time"),
            ({"window": 0}, "window: 0 is shorter than"),
            ({"label_delay": None}, "label_delay: None is no span"),
            ({"label_ttl": "1d"}, "label_ttl: is shorter than label_delay"),
            ({"alpha": 5}, "alpha: 5 is no chance"),
            ({"windows": 0}, "windows: 0 is no whole number"),
            ({"capacity": 1.5}, "capacity: 1.5 is no whole number"),
            ({"flush_rows": True}, "flush_rows: True is no whole number"),
            ({"flush_seconds": "1s"}, "flush_seconds: '1s' is no number"),
            ({"store": "/no/such/folder/m.db"}, "store: there is no folder 'folder' for m.db"),
            ({"store": 7}, "store: is a int"),
            ({"store": "mysql://host/db"}, "store: "),
            ({"policy": "unga-78-266"}, "unga-78-265"),
        ],
    )
    def test_wrong_arguments_are_refused_at_once(self, evidence, keys, said):
        with pytest.raises(ConfigError) as raised:
            Monitor(evidence, **{"store": ":memory:", **keys})
        assert said in str(raised.value)

    def test_all_that_is_wrong_is_told_together(self, evidence):
        with pytest.raises(ConfigError) as raised:
            Monitor(evidence, alpha=2, window="x", windows=-1)
        assert [problem.key for problem in raised.value.problems] == ["window", "windows", "alpha"]

    def test_evidence_may_be_a_file_and_must_be_evidence(self, evidence, tmp_path):
        evidence.save(tmp_path / "evidence.json")
        Monitor(tmp_path / "evidence.json", store=":memory:").close()
        with pytest.raises(ConfigError, match=r"missing\.json"):
            Monitor(tmp_path / "missing.json")
        with pytest.raises(ConfigError, match="evidence: is a DataFrame"):
            Monitor(pd.DataFrame())

    def test_a_store_of_another_watch_is_refused(self, evidence, tmp_path):
        Monitor(evidence, store=tmp_path / "m.db").close()
        Monitor(evidence, store=tmp_path / "m.db").close()
        with pytest.raises(ConfigError, match=r"m\.db was made for another watch: of another alpha"):
            Monitor(evidence, store=tmp_path / "m.db", alpha=0.01)

    def test_a_service_begins_without_its_store(self, evidence, tmp_path, monkeypatch):
        def away(*_):
            raise StoreFault("m.db", "locked for more than 5 s")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "declare", away)
            monitor = Monitor(evidence, store=tmp_path / "m.db")
            monitor.record(prediction=1, ids=1, at=0)
            monitor.flush()
            assert monitor.status()[0].verdict == Verdict.ERROR
            assert monitor.faults.told["store"].startswith("m.db: locked")
        assert total(monitor) == 1
        monitor.close()


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "call"),
        [
            ("record", {"prediction": [[1, 2], [3, 4]]}),
            ("record", {"prediction": [1, 0], "score": [0.5]}),
            ("record", {"prediction": [1, 0], "ids": [1, 2, 3]}),
            ("record", {"prediction": {"a": [1]}}),
            ("record", {"prediction": [], "X": np.zeros((2, 2))}),
            ("at", {"prediction": 1, "at": "noon"}),
            ("at", {"prediction": 1, "at": 1.7e12}),
            ("at", {"prediction": [1, 0], "at": time.time() + 2 * 86400}),
            ("latency", {"prediction": 1, "latency": "1 s"}),
            ("score", {"prediction": 1, "score": 1.5}),
            ("score", {"prediction": 1, "score": "high"}),
            ("score", {"prediction": [1, 0], "score": np.ones((2, 2))}),
            ("ids", {"prediction": 1, "ids": [[1]]}),
            ("sensitive", {"prediction": 1, "sensitive": {"gender": "F"}}),
            ("sensitive", {"prediction": 1, "sensitive": 7}),
            ("columns", {"prediction": 1, "X": object()}),
            ("columns", {"prediction": 1, "X": np.zeros((1, 7))}),
            ("columns", {"prediction": [1, 0], "X": pd.DataFrame({"age": [1, 2, 3]})}),
            ("columns", {"prediction": 1, "X": {"age": "secret-value", "job": "nurse"}}),
        ],
        ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)),
    )
    def test_bad_input_is_counted_logged_once_and_never_raised(self, monitor, caplog, kind, call):
        with caplog.at_level(logging.WARNING, logger="trustkit.monitor"):
            for _ in range(3):
                monitor.record(**{"sensitive": {"sex": "F"}, **call})
            monitor.flush()
        assert monitor.faults.counts[kind] >= 3
        assert sum(record.message.startswith(f"{kind}: ") for record in caplog.records) == 1
        assert "secret" not in caplog.text
        state = monitor._store.read()
        assert state.writers[0].faults >= 3
        assert (
            state.writers[0].recorded
            == state.writers[0].flushed
            == total(monitor)
            == (0 if kind in ("record", "at") else 3 * np.size(call["prediction"]))
        )
        assert any("that could not be recorded" in finding.message for finding in monitor.status())

    def test_nothing_to_do_is_no_fault(self, monitor):
        monitor.record(prediction=[])
        monitor.record(pd.DataFrame({"age": []}), prediction=np.array([]), ids=[], at=[])
        monitor.label([], [])
        monitor.label(np.array([]), np.array([]))
        assert total(monitor) == monitor.faults.total == 0

    def test_a_row_whose_time_cannot_be_read_is_lost_alone(self, monitor):
        monitor.record(
            rows(5), prediction=[1] * 5, ids=list("abcde"), latency=0.5,
            at=["2024-03-01", "noon", "2024-03-02T10:00Z", time.time() + 2 * 86400, 1.7e12],
        )  # fmt: skip
        assert total(monitor) == 2
        assert total(monitor, "column") == 2 * 2
        assert total(monitor, "pending") == 2
        assert total(monitor, "latency") == 1
        assert monitor.faults.counts == {"at": 3}
        assert "more than a day ahead" in monitor.faults.told["at"]
        state = monitor._store.read()
        assert state.writers[0].recorded == 2
        assert state.last_at == 1709373600

    @pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT])
    def test_a_missing_time_is_now(self, monitor, missing):
        before = time.time()
        monitor.record(prediction=[1, 1], at=["2024-03-01", missing], sensitive={"sex": "F"})
        monitor.record(prediction=[1, 1], at=[missing, missing], sensitive={"sex": "F"})
        assert total(monitor) == 4
        assert not monitor.faults.total
        assert before <= monitor._store.read().last_at <= time.time()

    def test_times_that_are_all_none_are_those_of_the_clock(self, monitor):
        monitor.record(prediction=[1], at=[None])
        monitor.flush()
        assert monitor._recorder.is_live
        assert not monitor._recorder._timed

    @pytest.mark.parametrize(
        ("ids", "truth", "more"),
        [
            ([1, 2], [1], {}),
            (1, [[1]], {}),
            (1, 1, {"at": "noon"}),
            ([[1]], 1, {}),
            (object(), object(), {"at": object()}),
        ],
        ids=["two ids, one label", "a list of lists", "no time", "an id in a list", "objects"],
    )
    def test_bad_labels_are_counted(self, monitor, ids, truth, more):
        monitor.label(ids, truth, **more)
        monitor.flush()
        assert monitor.faults.counts["label"] == 1

    def test_objects_that_raise_are_faults(self, monitor):
        class Hostile:
            def __getattr__(self, name):
                raise RuntimeError("secret")

            def __len__(self):
                raise RuntimeError("secret")

        monitor.record(Hostile(), prediction=Hostile(), ids=Hostile(), at=Hostile())
        monitor.record(prediction=1, sensitive=Hostile())
        monitor.label(Hostile(), Hostile())
        monitor.flush()
        assert sum(monitor.faults.counts.values()) >= 3
        assert "secret" not in str(monitor.faults.told)

    def test_one_bad_call_among_many_costs_no_other(self, monitor):
        for number in range(50):
            monitor.record(prediction=1, score=0.5 if number % 10 else "high", sensitive={"sex": "F"}, at=0)
        assert total(monitor) == 50
        assert monitor.faults.counts == {"score": 5}
        assert cells(monitor) == {"0|1|10": 45, "0|1|-1": 5}

    def test_a_misspelled_attribute_names_the_nearest(self, monitor):
        monitor.record(prediction=1, sensitive={"sexe": "F"})
        monitor.flush()
        assert monitor.faults.told["sensitive"].endswith("have 'sex'; did you mean 'sexe'?")

    def test_a_store_that_cannot_be_read_is_a_finding(self, evidence, tmp_path):
        monitor = Monitor(evidence, store=tmp_path / "m.db")
        monitor.record(prediction=1)
        monitor.flush()
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / "m.db").write_bytes(b"no database at all" * 1000)
        (finding,) = monitor.status()
        assert (finding.check, finding.verdict) == ("monitoring/coverage", Verdict.ERROR)
        assert "m.db" in finding.message
        monitor.record(prediction=1)
        monitor.close()


class TestGroups:
    def test_groups_never_seen_are_one_and_counted(self, monitor):
        for number in range(20):
            monitor.record(prediction=1, sensitive={"sex": f"new {number}"}, at=0)
        assert cells(monitor) == {"2|1|-1": 20}
        assert cells(monitor, "unknown") == {"0": 20}

    def test_groups_are_missing_where_none_are_given(self, monitor):
        monitor.record(prediction=[1, 0], at=0)
        monitor.record(prediction=1, sensitive={"sex": None}, at=0)
        assert cells(monitor) == {"3|1|-1": 2, "3|0|-1": 1}
        assert monitor.faults.counts == {"sensitive": 1}

    def test_what_is_given_goes_before_what_the_inputs_hold(self, monitor):
        X = rows(4)
        monitor.record(X, prediction=1 * np.ones(4), sensitive={"sex": "M"}, at=0)
        monitor.record(X, prediction=np.ones(4), at=0)
        women = int((X["sex"] == "F").sum())
        assert cells(monitor) == {"0|1|-1": women, "1|1|-1": 8 - women}

    def test_no_value_and_no_id_reaches_the_store(self, evidence, tmp_path):
        monitor = Monitor(evidence, store=tmp_path / "m.db")
        marks = ("zebra-1", "zebra-2", "zebra-3", "zebra-4")
        monitor.record(
            {"age": 40, "job": marks[0]}, prediction=marks[1], sensitive={"sex": marks[2]}, ids=marks[3], at=0
        )
        monitor.close()
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"decided" in held
        assert b"zebra" not in held


class TestLabels:
    def test_labels_join_late_and_early_and_wait_unknown(self, monitor):
        monitor.record(prediction=[1, 1, 0], sensitive={"sex": ["F", "M", "F"]}, ids=["a", 7, None], at=0)
        monitor.label(["a", "early"], [1, 0])
        monitor.label("7", 0)
        assert cells(monitor, "labeled") == {"0|1|-1|1": 1, "1|1|-1|0": 1}
        assert monitor._store.read().truths == 1
        monitor.record(prediction=0, sensitive={"sex": "M"}, ids="early", at=10)
        assert cells(monitor, "labeled") == {"0|1|-1|1": 1, "1|1|-1|0": 1, "1|0|-1|0": 1}
        assert monitor._store.read().truths == 0
        assert not monitor.faults.counts

    def test_one_label_for_many_ids_and_frames_of_them(self, monitor):
        ids = pd.Series(["a", "b", "c"])
        monitor.record(prediction=np.array([1, 0, 1]), sensitive={"sex": "F"}, ids=ids, at=0)
        monitor.label(ids.to_numpy(), True, at="2026-03-01")
        assert cells(monitor, "labeled") == {"0|1|-1|2": 2, "0|0|-1|2": 1}  # true was no class of the audit

    def test_a_missing_label_is_none(self, monitor):
        monitor.record(prediction=1, sensitive={"sex": "F"}, ids="a", at=0)
        monitor.label("a", None)
        assert total(monitor, "labeled") == 0
        assert total(monitor, "pending") == 1

    def test_an_id_decided_twice_waits_once(self, monitor):
        for _ in range(2):
            monitor.record(prediction=1, sensitive={"sex": "F"}, ids="a", at=0)
        assert (total(monitor), total(monitor, "pending"), total(monitor, "duplicate")) == (2, 1, 1)


class TestWatch:
    def test_the_model_is_what_it_was(self, monitor, model):
        watched = monitor.watch(model)
        assert isinstance(watched, Pipeline)
        assert isinstance(watched, BaseEstimator)
        assert repr(watched) == repr(model)
        assert watched == model
        assert is_classifier(watched)
        assert not callable(watched)
        assert len(watched) == 2
        assert watched[0] is model[0]
        assert watched.classes_ is model.classes_
        assert vars(watched) is vars(model)
        assert dir(watched) == dir(model)
        assert inspect.signature(watched.predict) == inspect.signature(model.predict)
        check_is_fitted(watched)
        assert type(clone(watched)) is Pipeline
        for other in (pickle.loads(pickle.dumps(watched)), copy.copy(watched), copy.deepcopy(watched)):
            assert type(other) is Pipeline
        watched.note = 1
        assert model.note == 1
        del watched.note
        with pytest.raises(AttributeError, match="Pipeline"):
            watched.nothing  # noqa: B018
        with pytest.raises(ValueError, match="columns are missing"):
            watched.predict(pd.DataFrame({"x": [1]}))
        assert total(monitor) == 0

    def test_answers_are_those_of_the_model_and_are_recorded(self, monitor, model):
        X = rows(200, seed=1)
        watched = monitor.watch(model, ids=lambda X: X.index, at=lambda X: np.zeros(len(X)))
        assert np.array_equal(watched.predict(X), model.predict(X))
        bare = Monitor(audited(), store=":memory:")
        bare.record(X, prediction=model.predict(X), ids=X.index, at=0)
        monitor.flush()
        assert cells(monitor) == cells(bare)
        assert cells(monitor, "column") == cells(bare, "column")
        assert total(monitor, "pending") == 200
        assert total(monitor, "latency") == 1
        bare.close()

    def test_the_same_rows_asked_twice_count_once(self, monitor, model):
        watched, X = monitor.watch(model), rows(50)
        watched.predict(X)
        watched.predict_proba(X)
        watched.decision_function(X.copy())
        assert total(monitor) == 50
        watched.predict(X)  # another request
        watched.predict(X)
        watched.predict_proba(X[:10])
        assert total(monitor) == 160

    def test_decision_and_score_of_two_calls_are_one_record(self, evidence):
        X, y = rows(100)[["age"]], rows(100)["age"] > 40
        model = LogisticRegression().fit(X.to_numpy(), y.astype(int))
        score = model.predict_proba(X.to_numpy())[:, 1]
        found = []
        for methods in (("predict", "predict_proba"), ("predict_proba", "predict"), ("predict_proba",)):
            with Monitor(evidence, store=":memory:", columns=["age"]) as monitor:
                watched = monitor.watch(model, sensitive=lambda X: {"sex": "F"}, at=lambda X: 0)
                for method in methods:
                    getattr(watched, method)(X.to_numpy())
                found.append(cells(monitor))
        want = Counter(f"0|{int(s > 0.5)}|{min(int(s * 20), 19)}" for s in score)
        assert found == [dict(want)] * 3

    def test_an_array_that_is_used_again_is_another_request(self, evidence):
        model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
        with Monitor(evidence, store=":memory:", columns=["age"]) as monitor:
            watched, buffer = monitor.watch(model), np.zeros((1, 1))
            watched.predict(buffer)
            buffer[:] = 1
            watched.predict_proba(buffer)
            assert total(monitor) == 2

    def test_callables_are_recorded_whatever_they_take(self, monitor):
        def decide(people):
            """Decide."""
            return [int(person["age"] > 40) for person in people]

        watched = monitor.watch(
            decide, ids="never", sensitive=lambda people: {"sex": [p["sex"] for p in people]}
        )
        assert callable(watched)
        assert watched.__doc__ == "Decide."
        assert watched(rows(5).to_dict("records")) == decide(rows(5).to_dict("records"))
        assert total(monitor) == 5
        assert monitor.faults.counts == {"ids": 1}

    def test_single_answers_and_keywords(self, monitor):
        watched = monitor.watch(lambda person: "1", sensitive=lambda person: {"sex": person["sex"]})
        assert watched(person={"age": 50, "job": "nurse", "sex": "F"}) == "1"
        assert cells(monitor) == {"0|1|-1": 1}
        assert total(monitor, "column") == 2

    def test_coroutines_are_recorded_when_they_end(self, monitor):
        async def decide(people):
            await asyncio.sleep(0)
            return np.ones(len(people), dtype=int)

        async def serve():
            watched = monitor.watch(decide)
            answers = await asyncio.gather(*(watched(rows(3, seed)) for seed in range(20)))
            return sum(len(answer) for answer in answers)

        assert asyncio.run(serve()) == 60
        assert total(monitor) == 60

    def test_threads_keep_their_calls_apart(self, monitor, model):
        watched = monitor.watch(model)

        def work(seed):
            for number in range(10):
                X = rows(4, 100 * seed + number)
                watched.predict(X)
                watched.predict_proba(X)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert total(monitor) == 160

    def test_a_fault_of_the_recording_leaves_the_answer(self, monitor, model, monkeypatch):
        watched = monitor.watch(model, sensitive=lambda X: 1 / 0)
        monkeypatch.setattr(monitor, "take", lambda *args, **keys: 1 / 0)
        assert len(watched.predict(rows(3))) == 3
        assert monitor.faults.counts == {"sensitive": 1, "watch": 1}

    def test_the_positive_class_is_that_of_the_audit(self, monitor):
        class Several:
            classes_ = np.array(["0", "1", "2"])

            def predict_proba(self, X):
                return np.tile([0.1, 0.7, 0.2], (len(X), 1))

        monitor.watch(Several(), at=lambda X: 0).predict_proba(rows(3).assign(sex="F"))
        assert cells(monitor) == {"0|1|14": 3}


class TestAlarms:
    def bad(self, monitor, weeks=6):
        """Women are never selected."""
        for day in range(7 * weeks):
            X = rows(60, day)
            decided = (X["sex"] == "M") & (np.arange(60) % 2 == 0)
            monitor.record(X, prediction=decided.astype(int), at=day * 24 * HOUR)
            monitor.flush()

    def test_each_alarm_is_told_once_by_all_processes(self, evidence, tmp_path):
        told, threads = [], set()
        monitors = [Monitor(evidence, store=tmp_path / "m.db", window="1d") for _ in range(2)]
        for monitor in monitors:
            monitor.on_alarm(
                lambda finding: (told.append(finding), threads.add(threading.current_thread().name))
            )
        self.bad(monitors[0])
        monitors[1].record(prediction=1, sensitive={"sex": "F"}, at=50 * 24 * HOUR)
        monitors[1].flush()
        violated = [finding.id for finding in told if finding.check == "bias/selection-rate"]
        assert "bias/selection-rate:ratio:sex=F~sex=M:min" in violated
        assert len(violated) == len(set(violated))
        assert threads == {"trustkit-monitor"}
        found = {finding.id: finding for finding in monitors[0].status()}
        assert found[violated[0]].verdict == Verdict.FAIL
        alarms = {alarm.id: alarm for alarm in monitors[0]._store.alarms()}
        assert alarms[violated[0]].kind == "violated"
        assert alarms[violated[0]].e > 20
        for monitor in monitors:
            monitor.close()

    def test_a_callback_that_raises_is_a_fault_and_no_other_misses(self, evidence):
        told = []
        with Monitor(evidence, store=":memory:", window="1d") as monitor:
            monitor.on_alarm(lambda finding: 1 / 0)
            monitor.on_alarm(told.append)
            self.bad(monitor)
            assert told
            assert monitor.faults.counts["callback"] == len(told)

    def test_an_even_stream_gives_no_alarm(self, evidence):
        told = []
        with Monitor(evidence, store=":memory:", window="1d") as monitor:
            monitor.on_alarm(told.append)
            for day in range(10):
                X = rows(100, day)
                monitor.record(
                    X, prediction=np.random.default_rng(day).integers(0, 2, 100), at=day * 24 * HOUR
                )
                monitor.flush()
            findings = {finding.id: finding for finding in monitor.status()}
        assert not [finding for finding in told if finding.check != "monitoring/drift"]
        assert findings["bias/selection-rate:ratio:sex=F~sex=M:min"].verdict != Verdict.FAIL
