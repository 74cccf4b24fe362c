"""The page of a monitor: whole, alone, readable by anybody, small, and inert whatever the data says."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import monitored
import numpy as np
import pytest

from trustkit.monitor.reporting import MOST_DRAWN, MOST_POINTS, report_of, span_text
from trustkit.monitor.state import Counts, Incident, State, Writer
from trustkit.monitor.status import Status
from trustkit.renderers.monitor import e_value, monitor_json, monitor_text
from trustkit.renderers.monitor_page import monitor_page
from trustkit.renderers.over_time import Course, Point, Strip, e_chart, figure_chart, strip_chart

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>\n', "\x1b[31m\u202eevil" + "x" * 5000]


class Page(HTMLParser):
    """Tags, ids, links to places, and which svg has a title and a description."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.links, self.drawings, self.labelled = [], [], [], 0, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self.tags.append((tag, of))
        self.ids += [of["id"]] if "id" in of else []
        self.links += [of["href"]] if tag == "a" else []
        self.drawings += of.get("role") == "img"
        self.labelled += of.get("aria-labelledby", "").split()

    handle_startendtag = handle_starttag


def drawn(watch, store, **keys):
    status = Status.of(store.read(), watch)
    return report_of(status, store.name, **{"drawn": MOST_DRAWN, **keys})


@pytest.fixture(scope="module")
def watch():
    return monitored.watch_of(monitored.evidence())


@pytest.fixture(scope="module")
def report(watch):
    return drawn(watch, monitored.filled(":memory:", watch, gap_from=30, gap=0.25))


@pytest.fixture(scope="module")
def page(report):
    return monitor_page(report)


@pytest.fixture(scope="module")
def hostile():
    watch = monitored.watch_of(monitored.evidence(HOSTILE, rows=1500))
    store = monitored.filled(":memory:", watch, days=20)
    store.open_incident(HOSTILE[0], HOSTILE[1], cause=HOSTILE[2])
    return drawn(watch, store)


class TestThePage:
    def test_is_alone_and_runs_nothing(self, page):
        seen = Page(page)
        assert not {"script", "iframe", "object", "form"} & {tag for tag, _ in seen.tags}
        assert "default-src 'none'" in page
        assert all(href.startswith("#") for href in seen.links)
        assert not re.search(r"https?://|url\(|@import", page)

    def test_has_each_id_once_and_every_link_leads_somewhere(self, page):
        seen = Page(page)
        assert len(seen.ids) == len(set(seen.ids))
        assert {href[1:] for href in seen.links} <= set(seen.ids)
        assert set(seen.labelled) <= set(seen.ids)

    def test_draws_each_claim_twice_with_title_description_and_table(self, page, report):
        seen = Page(page)
        assert len(report.courses) == 14
        assert seen.drawings == 2 * 14 + 1
        assert page.count("<title id=") == page.count("<desc id=") == seen.drawings
        for place in range(14):
            assert {f"c{place}f-t", f"c{place}f-d", f"c{place}e-t", f"c{place}e-d", f"c{place}-c"} <= set(
                seen.ids
            )

    def test_tells_alarms_first_and_when(self, page):
        assert page.index("Violated since deployment (1)") < page.index("Changed lately (")
        assert page.index("Changed lately (") < page.index("Claims over time</h2>")
        assert re.search(r"The alarm was reached at 2024-11-\d\dT00:00:00Z", page)
        assert "at most 0.05" in page

    def test_says_what_is_not_watched_and_what_alpha_means(self, page):
        assert "rmsce" in page
        assert "14 claims share \u03b1 = 0.05" in page
        assert "one false alarm in 10,000 windows" in page

    def test_of_nothing_says_so(self, watch):
        from trustkit.monitor.store import Store

        store = Store.open(":memory:")
        store.declare(watch.to_json(), watch.digest)
        text = monitor_page(drawn(watch, store))
        assert "<svg" not in text
        assert "None stands" in text
        assert "No claim waits for labels" in text
        assert "No process ended without its last flush" in text
        assert "None is recorded" in text

    def test_escapes_labels(self, hostile):
        text = monitor_page(hostile)
        seen = Page(text)
        assert not {"script", "img"} & {tag for tag, _ in seen.tags}
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "&lt;script&gt;" in text
        assert "x" * 400 not in text

    def test_and_the_terminal_show_nothing_unseen(self, hostile):
        text = monitor_text(hostile, everything=True)
        assert not set(text) & {"\x1b", "\u202e", "\r", "\x07"}
        assert max(map(len, text.split("\n"))) < 300
        assert "OPEN INCIDENTS" in text
        assert monitor_json(hostile)

    def test_shows_no_count_below_the_smallest(self, watch):
        from trustkit.monitor.store import Store

        store = Store.open(":memory:")
        store.declare(watch.to_json(), watch.digest)
        store.flush(monitored.batch(watch, 1, [monitored.FIRST], rows=2))
        store.flush(monitored.batch(watch, 2, [monitored.FIRST + 1, monitored.FIRST + 30], rows=1))
        text = monitor_page(drawn(watch, store))
        volume = text[text.index("volume-c") :]
        cells = re.findall(r"<td class=num>([^\n]*)\n", volume[: volume.index("</table>")])
        assert {*cells} == {"0", "&lt;5"}

    @pytest.mark.parametrize("days", [30, pytest.param(365, marks=pytest.mark.slow)])
    def test_of_a_year_by_the_hour_stays_small(self, days):
        watch = monitored.watch_of(monitored.evidence(list("ABCDEF"), rows=3000), window=3600.0)
        hours = 24 * days
        report = report_of(Status.of(year(watch, hours), watch), "monitor.db", drawn=MOST_DRAWN)
        text = monitor_page(report)
        assert len(watch.claims) > 100
        assert len(report.courses) == MOST_DRAWN
        assert max(len(course.points) for course in report.courses) <= MOST_POINTS + 2
        assert len(report.volume.counts) <= 120
        assert len(text.encode()) < 500_000
        assert sum(count or 0 for _, count in report.volume.counts) == 12 * hours


def year(watch, hours):
    """Decisions of each hour: two of each group, one of them selected, all labeled."""
    groups = len(watch.labels["sex"]) - 2
    keys = [f"{group}|{chosen}|{4 + 10 * chosen}" for group in range(groups) for chosen in (0, 1)]
    pane = np.repeat(np.arange(hours) + 480_000, len(keys))
    key = np.tile(np.arange(len(keys)), hours)
    n = np.ones(len(pane), dtype=np.int64)
    s = np.where(key % 2, 3 << 28, 1 << 28).astype(np.int64)
    counts = {
        "decided": Counts(keys, pane, key, n, s),
        "labeled": Counts([f"{each}|{each.split('|')[1]}" for each in keys], pane, key, n, s),
    }
    last = 480_000 + hours - 1
    end = 3600.0 * (last + 1)
    writer = Writer("w", "host", 1, end, end, len(pane), len(pane), 0, 0, True)
    return State(
        counts, last, last - 168, end, 0, [writer], [], [Incident(1, 1.0, "a", "b", None, None, None, 2.0)]
    )


def course(values, *, limit=0.8, side="min", log_e=None, ends=None):
    logs = log_e or [0.0] * len(values)
    points = [
        Point(86400.0 * (i + 1), value, *(ends or [(value - 0.1, value + 0.1)] * len(values))[i], logs[i], 10)
        for i, value in enumerate(values)
    ]
    return Course(
        "id",
        "title",
        "fail",
        "at least 0.8",
        limit,
        side,
        math.log(20),
        0.0,
        86400.0 * len(values),
        points,
        [],
    )


def points_of(path):
    return [tuple(map(float, pair.split())) for pair in re.findall(r"[\d.]+ [\d.]+", path)]


class TestCharts:
    def test_a_figure_lies_between_its_limits_and_the_band_ends_where_they_cross(self):
        ends = [(0.5, 1.0), (0.6, 0.9), (0.95, 0.85)]
        chart = figure_chart(course([0.8, 0.75, 0.9], ends=ends))
        assert [x for x, _ in points_of(chart.line)] == [333, 667, 1000]
        assert max(x for x, _ in points_of(chart.band)) == 667
        y = [y for _, y in points_of(chart.line)]
        assert y[1] > y[0] > y[2]  # down the page is down
        assert y[0] == chart.limit

    @pytest.mark.parametrize(("side", "lies"), [("min", "below"), ("max", "above")])
    def test_what_is_shaded_is_beyond_the_limit(self, side, lies):
        chart = figure_chart(course([0.8, 0.7, 0.9], side=side))
        top, height = chart.beyond
        assert (
            (top == chart.limit and top + height == chart.base)
            if lies == "below"
            else top + height == chart.limit
        )

    def test_open_limits_reach_to_the_edge(self):
        chart = figure_chart(course([0.8, 0.7], ends=[(None, None), (0.6, None)]))
        ys = [y for _, y in points_of(chart.band)]
        assert min(ys) == 10
        assert max(ys) == chart.base

    def test_an_e_value_is_drawn_by_its_logarithm(self):
        chart = e_chart(course([1.0, 1.0, 1.0], log_e=[0.0, math.log(10), math.log(100)]))
        y = [y for _, y in points_of(chart.line)]
        assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=1)
        assert y[2] < chart.limit < y[1]  # 20 is the alarm
        assert [text for _, text in chart.up] == ["1", "10", "100"]

    def test_of_very_large_e_values_has_few_ticks(self):
        chart = e_chart(course([1.0, 1.0], log_e=[0.0, 900.0]))
        assert 2 <= len(chart.up) <= 6
        assert chart.up[-1][1].startswith("1e+")

    def test_counts_stand_on_the_axis_and_none_is_a_gap(self):
        chart = strip_chart(Strip(0.0, 400.0, [(0.0, 50), (100.0, 0), (200.0, None), (300.0, 100)]))
        assert chart.line.count("M") == 3
        assert "M250 " not in chart.line

    def test_of_one_point_is_a_point(self):
        start, end = points_of(figure_chart(course([0.8])).line)
        assert start == end
        assert start[0] == 1000


@pytest.mark.parametrize(
    ("log_e", "text"),
    [
        (-math.inf, "0"),
        (0.0, "1.00"),
        (math.log(7480.2), "7,480"),
        (math.log(2e12), "1e+12"),
        (2000.0, "1e+868"),
    ],
)
def test_an_e_value_of_any_size_has_words(log_e, text):
    assert e_value(log_e) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3600.0, "1 h"), (28 * 86400.0, "4 w"), (90.0, "90 s"), (0.5, "0.5 s"), (0.0, "0 s")],
)
def test_a_span_has_its_largest_whole_unit(seconds, text):
    assert span_text(seconds) == text
