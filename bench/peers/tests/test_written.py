"""What is written down: the raw data, the page and the picture."""

import json
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

from sidebyside import chart, record as records, report, targets
from sidebyside.processes import Failed
from sidebyside.record import Failure

from tests.samples import idle_sample, measured, record, rounds, sample

SVG = "{http://www.w3.org/2000/svg}"


class RawData(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "peers.json"

    def test_is_read_as_it_was_written(self):
        failure = Failure("haproxy", 2, "haproxy ended with 1")
        samples = [sample(round=1), sample(round=2, per_second=900.0, piece=1)]
        matrix = record(
            measured("1KiB", samples, failures=[failure]),
            measured("idle", [idle_sample()], kind="idle"),
            measured("half-rate", samples, kind="fixed rate", rate=15_000),
        )
        records.save(matrix, targets.judge(targets.read(), matrix), self.path)
        self.assertEqual(records.load(self.path), matrix)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["peers.json"])

    def test_has_a_line_for_each_sample_and_the_summaries(self):
        samples = [sample(round=1), sample(round=2, per_second=900.0)]
        text = records.render(record(measured("1KiB", samples)), [])
        lines = [
            json.loads(line.strip(" ,]}") + "}")
            for line in text.splitlines()
            if '"round": ' in line
        ]
        self.assertEqual(lines, [one.as_dict() for one in samples])
        (scenario,) = json.loads(text)["scenarios"]
        self.assertEqual(scenario["summaries"][0]["figures"]["per_second"]["median"], 950.0)

    def test_of_another_format_is_refused(self):
        for text in ("{}", "[", '{"format": 1}'):
            self.path.write_text(text)
            with self.assertRaisesRegex(Failed, "peers.json: "):
                records.load(self.path)


class Page(unittest.TestCase):
    def page(self, *scenarios):
        matrix = record(*scenarios)
        return report.markdown(matrix, targets.judge(targets.read(), matrix), "peers.svg")

    def test_says_what_was_left_out_and_why(self):
        failures = [Failure("haproxy", 1, "haproxy ended with 1")]
        samples = [sample(load_core_idle=0, proxy_core_idle=0.4)]
        page = self.page(measured("1KiB", samples, failures=failures, rounds=2))
        self.assertIn("- skipped: corelane: not built", page)
        self.assertIn("- haproxy: failed in round 1: haproxy ended with 1", page)
        self.assertIn("- nginx: the core of the generator and the origin was the limit", page)
        self.assertIn("- nginx: 1 rounds only.", page)
        self.assertIn(
            "- 2026-01-01 00:00 UTC to 2026-01-01 01:00 UTC, commit abc: a processor", page
        )
        self.assertIn("nginx 1.2.3", page)
        self.assertIn("](peers.svg)", page)

    def test_gives_each_ratio_with_its_interval(self):
        ours = rounds("corelane", [6.0, 7.0, 8.0, 9.0, 10.0, 11.0])
        page = self.page(measured("1KiB", [*ours, *rounds("nginx", [10.0] * 6)]))
        self.assertIn(
            "| corelane | 8.5 (6.0–11.0) | 5.0 | 15.0 | 0.85 [0.60, 1.10] (0.60–1.10) |", page
        )
        self.assertIn(
            "| 1KiB | CPU per request ≤ 0.80 × nginx | 0.85 [0.60, 1.10] (0.60–1.10) | 6 "
            "| **not measured**: 6 rounds of 15 |",
            page,
        )

    def test_has_the_columns_of_each_kind(self):
        page = self.page(
            measured("idle", [idle_sample()], kind="idle", heading="10,000 idle connections"),
            measured("half-rate", [sample()], kind="fixed rate", rate=15_000),
            measured("1000-routes", [sample(routes_ratio=1.02)], kind="routes"),
        )
        self.assertIn("## 10,000 idle connections\n", page)
        self.assertIn("| nginx | 0.50 (0.50–0.50) | 1.00 (1.00–1.00) | 2.0 | 6.9 | 0 |", page)
        self.assertIn("## the half-rate scenario, 64 connections, 15,000 requests/s\n", page)
        self.assertIn("| nginx | 100 | 200 | 400 | 10 | 1.00 (1.00–1.00) |", page)
        self.assertIn("| nginx | 1.02 (1.02–1.02) | 20.0 (20.0–20.0) |", page)


class Picture(unittest.TestCase):
    def test_has_a_bar_and_a_whisker_for_each_peer(self):
        samples = [*rounds("corelane", [5.0, 10.0, 20.0]), *rounds("tcp-relay", [4.0] * 3)]
        text = chart.svg(record(measured("1KiB", samples), measured("empty", [])))
        root = xml.fromstring(text)
        bars = {bar.get("class"): float(bar.get("width")) for bar in root.iter(SVG + "rect")}
        self.assertEqual(set(bars), {"paper", "ours", "floor"})
        self.assertAlmostEqual(bars["ours"] / bars["floor"], 2.5, delta=0.01)
        self.assertEqual(len(list(root.iter(SVG + "path"))), 2)
        said = [element.text for element in root.iter(SVG + "text")]
        self.assertIn("the 1KiB scenario", said)
        self.assertNotIn("the empty scenario", said)
        self.assertIn("10.0", said)

    def test_the_longest_whisker_ends_within_its_panel(self):
        text = chart.svg(record(measured("1KiB", rounds("caddy", [1.0, 2.0, 300.0]))))
        (whisker,) = xml.fromstring(text).iter(SVG + "path")
        right = float(whisker.get("d").split("H")[1].split("M")[0])
        self.assertEqual(right, chart.MARGIN + chart.PANEL_WIDTH - chart.VALUE_WIDTH)

    def test_a_bar_that_would_dwarf_the_others_is_cut_and_says_so(self):
        samples = [*rounds("nginx", [10.0]), *rounds("caddy", [10.0 * chart.CUT + 1])]
        root = xml.fromstring(chart.svg(record(measured("1000-routes", samples, kind="routes"))))
        bars = {bar.get("class"): float(bar.get("width")) for bar in root.iter(SVG + "rect")}
        self.assertAlmostEqual(bars["peer"] / bars["base"], chart.CUT, delta=0.1)
        marks = [path.get("class") for path in root.iter(SVG + "path")]
        self.assertEqual(marks, ["whisker", "gap"])
        self.assertIn("81.0", [element.text for element in root.iter(SVG + "text")])

    def test_names_are_escaped_and_dark_colours_are_there(self):
        text = chart.svg(record(measured("1KiB", [sample(peer="<b>&")])))
        self.assertIn("&lt;b&gt;&amp;", text)
        self.assertIn("prefers-color-scheme: dark", text)

    def test_memory_that_has_shrunk_is_no_bar(self):
        shrunk = idle_sample(peer="caddy", idle_kib=-0.1)
        for samples in ([shrunk], [shrunk, idle_sample()]):
            text = chart.svg(record(measured("idle", samples, kind="idle")))
            bars = [
                bar for bar in xml.fromstring(text).iter(SVG + "rect") if bar.get("class") == "peer"
            ]
            self.assertEqual([float(bar.get("width")) for bar in bars], [0.0])


if __name__ == "__main__":
    unittest.main()
