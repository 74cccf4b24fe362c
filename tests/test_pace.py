"""How much a store says that comes, how long it takes, what is never recorded, and how it is read."""

import monitored
import pytest

from trustkit.errors import ConfigError
from trustkit.monitor.state import Batch
from trustkit.monitor.status import Status
from trustkit.monitor.store import Store


@pytest.fixture(scope="module")
def watch():
    return monitored.watch_of(monitored.evidence())


class TestPace:
    def of(self, status):
        return {
            finding.metric: finding for finding in status.findings if finding.metric in ("volume", "latency")
        }

    def test_volume_and_latency_are_shown_without_a_limit(self, watch, tmp_path):
        store = monitored.filled(tmp_path / "m.db", watch)
        day, calls = monitored.FIRST + 60, {"10": 60, "15": 37, "20": 3}
        counts = {(day, "latency", bin): (n, 0) for bin, n in calls.items()}
        store.flush(Batch("w", 99, counts, last_at=(day + 1) * monitored.DAY))
        store.close()
        found = self.of(Status.read(tmp_path / "m.db"))
        assert {str(finding.verdict) for finding in found.values()} == {"not_applicable"}
        assert found["volume"].estimate == 80
        assert found["volume"].n == 60
        assert found["latency"].estimate == pytest.approx(1.0)  # the upper edge of bin 10, in ms
        assert found["latency"].n == 100
        assert found["latency"].message == "half of the calls take under 1 ms, 95 % under 10 ms"

    def test_longer_than_all_bins(self, watch, tmp_path):
        store = Store.open(tmp_path / "m.db")
        store.declare(watch.to_json(), watch.digest)
        counts = {(monitored.FIRST, "latency", "36"): (9, 0)}
        store.flush(Batch("w", 1, counts, last_at=monitored.FIRST * monitored.DAY))
        found = self.of(Status.read(store))
        assert "over 1e+05 ms" in found["latency"].message
        assert "volume" not in found

    def test_small_windows_are_not_told(self, watch, tmp_path):
        store = Store.open(tmp_path / "m.db")
        store.declare(watch.to_json(), watch.digest)
        store.flush(monitored.batch(watch, 1, [monitored.FIRST, monitored.FIRST + 1], rows=1))
        assert not self.of(Status.read(store))


def test_inputs_that_are_never_recorded_are_one_line(watch, tmp_path):
    store = monitored.filled(tmp_path / "m.db", watch, columns=False)
    told = [finding for finding in Status.read(store).findings if finding.metric == "column"]
    assert [(finding.subject, str(finding.verdict)) for finding in told] == [({}, "inconclusive")]
    assert "no inputs are recorded" in told[0].message


def test_a_status_is_read_from_a_path_or_a_store_that_stays_open(watch, tmp_path):
    store = monitored.filled(tmp_path / "m.db", watch, days=10)
    by_store, by_path = Status.read(store), Status.read(tmp_path / "m.db", now=by_day(400))
    assert store.read().last_at == by_store.now
    assert by_path.now == by_day(400) > by_store.now
    assert by_store.findings == Status.of(by_path.state, by_path.watch).findings
    (tmp_path / "x.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match="something else"):
        Status.read(tmp_path / "x.db")


def by_day(day):
    return (monitored.FIRST + day) * monitored.DAY
