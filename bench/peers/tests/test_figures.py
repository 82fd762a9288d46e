"""Medians, paired ratios and what they are allowed to claim, on samples made by hand."""

import json
import unittest

from sidebyside import figures, report
from sidebyside.measure import Sample


def sample(**changes):
    """A sample of a full proxy core on a quiet machine, with some figures changed."""
    figure = {
        "peer": "nginx",
        "round": 1,
        "seconds": 3.0,
        "requests": 3000,
        "errors": 0,
        "per_second": 1000.0,
        "cpu_us": 20.0,
        "user_us": 5.0,
        "system_us": 15.0,
        "tick_cpu_us": 20.0,
        "p50_us": 100.0,
        "p99_us": 200.0,
        "rss_kib": 2048,
        "proxy_core_idle": 0.0,
        "load_core_idle": 0.3,
        "foreign": 0.0,
    }
    return Sample(**{**figure, **changes})


class Ratios(unittest.TestCase):
    def test_are_taken_within_a_round(self):
        base = [sample(round=1, cpu_us=20.0), sample(round=2, cpu_us=40.0)]
        ours = [sample(round=1, cpu_us=10.0), sample(round=2, cpu_us=30.0)]
        row = figures.summarise(ours, base)
        self.assertEqual(row.cpu_ratio, figures.Spread(0.625, 0.5, 0.75))
        self.assertEqual(row.cpu_us, figures.Spread(20.0, 10.0, 30.0))

    def test_leave_out_rounds_without_the_base(self):
        base = [sample(round=2, per_second=500.0)]
        ours = [sample(round=1), sample(round=2), sample(round=3)]
        self.assertEqual(figures.summarise(ours, base).rate_ratio, figures.Spread(2.0, 2.0, 2.0))

    def test_are_absent_without_a_base(self):
        self.assertIsNone(figures.summarise([sample()], []).cpu_ratio)

    def test_errors_add_up(self):
        self.assertEqual(figures.summarise([sample(errors=1), sample(errors=2)], []).errors, 3)


class Limits(unittest.TestCase):
    def test_the_full_core_is_the_limit(self):
        self.assertEqual(figures.limit([sample()]), "proxy")
        spare = {"proxy_core_idle": 0.2}
        self.assertEqual(figures.limit([sample(**spare, load_core_idle=0.01)]), "load core")
        self.assertEqual(figures.limit([sample(**spare)]), "waiting")

    def test_a_disturbed_core_proves_nothing(self):
        self.assertEqual(figures.limit([sample(foreign=0.3)]), "disturbed")

    def test_one_odd_round_does_not_decide(self):
        samples = [sample(), sample(), sample(proxy_core_idle=0.5, foreign=0.5)]
        self.assertEqual(figures.limit(samples), "proxy")
        self.assertEqual(figures.notes(samples), ())

    def test_lost_threads_are_noticed(self):
        (note,) = figures.notes([sample(tick_cpu_us=30.0)])
        self.assertIn("50% of the CPU time", note)


class Reports(unittest.TestCase):
    def run_of(self, samples):
        return {
            "date": "2026-01-01 00:00 UTC",
            "machine": {
                "processor": "a processor",
                "cores": 2,
                "memory_kib": 8 << 20,
                "kernel": "Linux 6",
                "load_average_before": 0.5,
            },
            "rounds": 2,
            "seconds": 3,
            "warmup": 1,
            "versions": {"nginx": "1.2.3"},
            "commands": ["bench/peers/run"],
            "skipped": [{"peer": "corelane", "why": "not built"}],
            "scenarios": [
                {
                    "name": "1KiB",
                    "connections": 64,
                    "failures": [{"peer": "haproxy", "why": "haproxy ended with 1"}],
                    "summaries": [figures.summarise(samples, samples)],
                    "samples": samples,
                }
            ],
        }

    def test_the_page_says_what_was_left_out_and_why(self):
        page = report.markdown(self.run_of([sample(load_core_idle=0, proxy_core_idle=0.4)]))
        self.assertIn("Skipped: corelane: not built.", page)
        self.assertIn("- haproxy: left out: haproxy ended with 1", page)
        self.assertIn("- nginx: the core of the generator and the origin was the limit", page)
        self.assertIn("| nginx | 1,000 | 20.0 (20.0–20.0) | 5.0 | 15.0 | 1.00 (1.00–1.00) |", page)
        self.assertIn("nginx 1.2.3", page)

    def test_the_raw_data_holds_every_sample(self):
        samples = [sample(round=1), sample(round=2, per_second=900.0)]
        data = json.loads(report.raw(self.run_of(samples)))
        (scenario,) = data["scenarios"]
        self.assertEqual(scenario["samples"], [one.as_dict() for one in samples])
        self.assertEqual(scenario["summaries"][0]["per_second"]["median"], 950.0)
        self.assertEqual(scenario["failures"][0]["peer"], "haproxy")
        self.assertEqual(data["machine"]["cores"], 2)


if __name__ == "__main__":
    unittest.main()
