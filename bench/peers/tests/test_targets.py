"""What counts as met, missed and not measured."""

import unittest

from sidebyside import targets
from sidebyside.scenarios import SCENARIOS
from sidebyside.targets import MET, MISSED, NOT_MEASURED, Target

from tests.samples import measured, record, rounds

BASE = [10.0] * 15
AT_MOST = Target("1KiB", "cpu_us", against="nginx", at_most=0.8)


def judge(target, ours, *others):
    """The verdict on samples of a scenario 1KiB."""
    matrix = record(measured("1KiB", [*ours, *(one for other in others for one in other)]))
    (verdict,) = targets.judge([target], matrix)
    return verdict


class Verdicts(unittest.TestCase):
    def test_the_median_decides_and_a_close_one_is_told(self):
        nginx = rounds("nginx", BASE)
        far = judge(AT_MOST, rounds("corelane", [7.0] * 15), nginx)
        self.assertEqual((far.verdict, far.why, far.found.median), (MET, "", 0.7))
        close = judge(AT_MOST, rounds("corelane", [7.0] * 10 + [9.0] * 5), nginx)
        self.assertEqual((close.verdict, close.why), (MET, "the interval holds the bound"))
        missed = judge(AT_MOST, rounds("corelane", [9.0] * 15), nginx)
        self.assertEqual((missed.verdict, missed.why), (MISSED, ""))

    def test_at_least_is_the_other_way_round(self):
        target = Target("1KiB", "per_second", against="nginx", at_least=1.15)
        nginx = rounds("nginx", BASE)
        self.assertEqual(judge(target, rounds("corelane", BASE), nginx).verdict, MISSED)
        faster = rounds("corelane", BASE, per_second=1200.0)
        self.assertEqual(judge(target, faster, nginx).verdict, MET)

    def test_no_worse_is_missed_only_beyond_doubt(self):
        target = Target("1KiB", "p99_us", against="nginx", no_worse_than=1.0)
        nginx = rounds("nginx", BASE)
        ours = rounds("corelane", BASE[:4]) + [
            one for one in rounds("corelane", BASE, p99_us=220.0) if one.round > 4
        ]
        self.assertEqual(judge(target, ours, nginx).verdict, MET)
        self.assertEqual(
            judge(target, rounds("corelane", BASE, p99_us=220.0), nginx).verdict, MISSED
        )

    def test_few_rounds_are_no_verdict(self):
        verdict = judge(AT_MOST, rounds("corelane", [9.0] * 14), rounds("nginx", BASE))
        self.assertEqual((verdict.verdict, verdict.why), (NOT_MEASURED, "14 rounds of 15"))

    def test_errors_are_never_met(self):
        verdict = judge(AT_MOST, rounds("corelane", [7.0] * 15, errors=1), rounds("nginx", BASE))
        self.assertEqual((verdict.verdict, verdict.why), (MISSED, "15 errors"))

    def test_a_rate_counts_only_where_the_proxy_was_the_limit(self):
        target = Target(
            "1KiB", "per_second", against="nginx", at_least=1.15, only_when_limit_is="proxy"
        )
        ours = rounds("corelane", BASE, proxy_core_idle=0.2, load_core_idle=0.0)
        verdict = judge(target, ours, rounds("nginx", BASE))
        self.assertEqual((verdict.verdict, verdict.why), (NOT_MEASURED, "the limit was: load core"))

    def test_the_best_peer_reads_http_and_is_named(self):
        target = Target("1KiB", "cpu_us", against=targets.BEST, at_most=0.7)
        others = [
            rounds("nginx", BASE),
            rounds("haproxy", [8.0] * 15),
            rounds("tcp-relay", [1.0] * 15),
        ]
        verdict = judge(target, rounds("corelane", [4.0] * 15), *others)
        self.assertEqual((verdict.found.median, verdict.verdict), (0.5, MET))
        self.assertIn("the best peer (haproxy)", verdict.words)
        alone = judge(target, rounds("corelane", [4.0] * 15))
        self.assertEqual((alone.verdict, alone.found), (NOT_MEASURED, None))

    def test_what_is_not_there_is_not_measured(self):
        (verdict,) = targets.judge([AT_MOST], record())
        self.assertEqual((verdict.verdict, verdict.found), (NOT_MEASURED, None))
        verdict = judge(AT_MOST, rounds("corelane", BASE))
        self.assertEqual((verdict.verdict, verdict.why), (NOT_MEASURED, "no samples of nginx"))
        verdict = judge(AT_MOST, [], rounds("nginx", BASE))
        self.assertEqual((verdict.verdict, verdict.why), (NOT_MEASURED, "no samples of ours"))

    def test_an_absolute_bound_needs_nobody_else(self):
        target = Target("1KiB", "user_us", at_most=2.0)
        self.assertEqual(target.words(), "user time per request ≤ 2.00 µs")
        self.assertEqual(judge(target, rounds("corelane", BASE)).verdict, MISSED)


class Table(unittest.TestCase):
    def test_every_target_is_about_a_scenario_that_exists(self):
        names = {scenario.name for scenario in SCENARIOS}
        rows = targets.read()
        self.assertLessEqual({row.scenario for row in rows}, names)
        self.assertEqual(len({row.words() + row.scenario for row in rows}), len(rows))

    def test_a_row_has_one_bound_and_a_known_figure(self):
        with self.assertRaisesRegex(ValueError, "one bound"):
            Target("1KiB", "cpu_us")
        with self.assertRaisesRegex(ValueError, "one bound"):
            Target("1KiB", "cpu_us", at_most=1.0, at_least=1.0)
        with self.assertRaisesRegex(ValueError, "no words for weight"):
            Target("1KiB", "weight", at_most=1.0)


if __name__ == "__main__":
    unittest.main()
