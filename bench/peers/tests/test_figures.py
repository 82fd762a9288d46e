"""Ratios within a round, and what samples are allowed to claim."""

import unittest

from sidebyside import figures
from sidebyside.intervals import spread

from tests.samples import idle_sample, sample


class Ratios(unittest.TestCase):
    def test_are_taken_within_a_round(self):
        base = [sample(round=1, cpu_us=20.0), sample(round=2, cpu_us=40.0)]
        ours = [sample(round=1, cpu_us=10.0), sample(round=2, cpu_us=30.0)]
        row = figures.summarise(ours, base)
        self.assertEqual(row.ratios["cpu_us"], spread([0.5, 0.75]))
        self.assertEqual(row.figures["cpu_us"], spread([10.0, 30.0]))

    def test_leave_out_rounds_without_the_base(self):
        base = [sample(round=2, per_second=500.0)]
        ours = [sample(round=1), sample(round=2), sample(round=3)]
        self.assertEqual(figures.summarise(ours, base).ratios["per_second"], spread([2.0]))

    def test_are_absent_without_a_base(self):
        self.assertEqual(figures.summarise([sample()], []).ratios, {})

    def test_errors_add_up(self):
        self.assertEqual(figures.summarise([sample(errors=1), sample(errors=2)], []).errors, 3)

    def test_only_what_was_measured_has_figures(self):
        row = figures.summarise([idle_sample(idle_kib=0.6)], [idle_sample()])
        self.assertEqual(set(row.figures), {"rss_kib", "rss_before_kib", "idle_kib"})
        self.assertAlmostEqual(row.ratios["idle_kib"].median, 1.2)
        self.assertEqual((row.limit, row.notes), ("", ()))


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
        self.assertEqual(list(figures.notes(samples, None)), [])

    def test_lost_threads_are_noticed(self):
        (note,) = figures.notes([sample(tick_cpu_us=30.0)], None)
        self.assertIn("50% of the CPU time", note)

    def test_a_peer_that_cannot_keep_up_is_noticed(self):
        self.assertEqual(list(figures.notes([sample(per_second=990.0)], 1000)), [])
        (note,) = figures.notes([sample(per_second=900.0)], 1000)
        self.assertIn("900 of 1,000 requests/s", note)

    def test_a_full_load_core_is_noticed_at_a_fixed_rate(self):
        (note,) = figures.notes([sample(load_core_idle=0.05)], 1000)
        self.assertIn("was 95% busy", note)
        self.assertEqual(list(figures.notes([sample(load_core_idle=0.05)], None)), [])

    def test_a_generator_that_is_late_is_noticed(self):
        (note,) = figures.notes([sample(lag_p99_us=100.0)], 1000)
        self.assertIn("the generator's own lag is 50% of the p99", note)
        self.assertEqual(list(figures.notes([sample(lag_p99_us=100.0)], None)), [])


if __name__ == "__main__":
    unittest.main()
