"""What the verdict of a run rests on: nothing unsafe is excused, and nothing is taken for the next request that is not."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import known  # noqa: E402
from case import Case, Request  # noqa: E402
from exchange import Result  # noqa: E402
from judge import judge  # noqa: E402
from score import Score  # noqa: E402
from wire import Response, Seen  # noqa: E402

CASE = Case("suite", "name", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], "accept", requests=[Request(b"GET", b"/")])


class Verdicts(unittest.TestCase):
    def surprises(self, reasons, text, unsafe=False):
        score = Score(reasons)
        with contextlib.redirect_stdout(io.StringIO()):
            score.judge(CASE, text, unsafe)
        return score.surprises

    def test_a_failure_needs_a_reason(self):
        self.assertEqual(self.surprises({}, ""), [])
        self.assertEqual(self.surprises({}, "answered 400"), ["suite/name"])
        self.assertEqual(self.surprises({"suite/name": "so it is"}, "answered 400"), [])

    def test_what_is_known_to_fail_has_to_fail(self):
        self.assertEqual(self.surprises({"suite/name": "so it is"}, ""), ["suite/name"])

    def test_no_reason_excuses_what_is_unsafe(self):
        self.assertEqual(self.surprises({"suite/name": "so it is"}, "UNSAFE: two readings", unsafe=True), ["suite/name"])


class Probes(unittest.TestCase):
    def problems(self, probe):
        seen = Seen(1, 1, b"GET", b"/", fields=[(b"host", b"a")], whole=True)
        answers = [Response(200, [(b"x-serial", b"1")])]
        result = Result(answers, probe=Response(200, [(b"x-serial", b"2")]), probe_sent=True, seen=[seen], probe_seen=[probe])
        return judge(CASE, result)

    def probe(self, **more):
        return Seen(2, 1, **{"method": b"GET", "target": b"/probe/1", "fields": [(b"host", b"probe.example")], "whole": True, **more})

    def test_a_probe_that_arrives_as_it_was_sent_is_well(self):
        self.assertEqual(self.problems(self.probe()), [])

    def test_bytes_before_or_behind_it_are_unsafe(self):
        for changed in (self.probe(method=b"helloGET"), self.probe(body=b"x"), self.probe(fields=[(b"host", b"a")])):
            self.assertTrue(any(problem.unsafe for problem in self.problems(changed)), changed)


class Known(unittest.TestCase):
    def refused(self, text):
        with tempfile.TemporaryDirectory() as directory:
            place = Path(directory) / "known.txt"
            place.write_text(text)
            with mock.patch.object(known, "PLACE", place):
                self.assertRaises(ValueError, known.groups)

    def test_every_case_has_one_reason(self):
        self.refused("    suite/name\n")
        self.refused("A reason for nothing.\n")
        self.refused("One.\n    suite/name\n\nAnother.\n    suite/name\n")


if __name__ == "__main__":
    unittest.main()
