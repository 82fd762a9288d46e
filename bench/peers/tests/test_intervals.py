"""The interval of a median against ranks that are in the tables of the sign test."""

import unittest
from math import comb

from sidebyside.intervals import Spread, interval, spread


def ranks(count, confidence=0.95):
    """The ranks of the interval of so many samples, from 1."""
    return interval(list(range(1, count + 1)), confidence)


class Intervals(unittest.TestCase):
    def test_the_ranks_are_those_of_the_sign_test(self):
        known = {
            6: (1, 6),
            9: (2, 8),
            12: (3, 10),
            15: (4, 12),
            20: (6, 15),
            25: (8, 18),
            30: (10, 21),
        }
        self.assertEqual({count: ranks(count) for count in known}, known)

    def test_few_samples_have_no_interval(self):
        self.assertIsNone(ranks(1))
        self.assertIsNone(ranks(5))
        self.assertEqual(ranks(5, confidence=0.93), (1, 5))

    def test_it_holds_the_median_as_often_as_it_says_and_no_narrower_one_does(self):
        for count in range(6, 60):
            low, _ = ranks(count)
            outside = 2 * sum(comb(count, below) for below in range(low)) / 2**count
            narrower = outside + 2 * comb(count, low) / 2**count
            self.assertLessEqual(outside, 0.05, count)
            self.assertGreater(narrower, 0.05, count)

    def test_a_spread_has_the_median_the_extremes_and_the_interval(self):
        values = [9.0, 1.0, 5.0, 2.0, 8.0, 3.0]
        self.assertEqual(spread(values), Spread(4.0, 1.0, 9.0, (1.0, 9.0)))
        self.assertEqual(spread([7.0]), Spread(7.0, 7.0, 7.0, None))


if __name__ == "__main__":
    unittest.main()
