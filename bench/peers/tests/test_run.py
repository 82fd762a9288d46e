"""Whole runs from end to end, with stubs for the generator, the origin and the peers."""

import contextlib
import io
import json
import os
import signal
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from sidebyside import command, configuration, idle, measure, targets
from sidebyside.peers import BASE, OURS, Peer
from sidebyside.scenarios import Kind, Scenario

from tests.samples import sample

STUBS = Path(__file__).resolve().parent / "stubs"


# Which starts at once, without looking for installed packages.
PYTHON = (sys.executable, "-SE")


def peer(name, program="proxy", **more):
    """A peer that is the stub, which lies beside its configuration."""
    return Peer(
        name,
        find=lambda _: Path(PYTHON[0]),
        when_missing="not there",
        files=("stub.json", "proxy"),
        arguments=(*PYTHON[1:], program, "{}"),
        version=(*PYTHON[1:], "-c", "print('stub 1.2.3')"),
        **more,
    )


PEERS = (
    peer(OURS),
    peer(BASE),
    peer("third", lacks={"routes": "it reads no path"}),
    Peer("absent", lambda _: None, "not installed", (), ()),
)
TWO = PEERS[:2]
ROWS = (
    Scenario("plain", "64 byte replies", 1, reply_bytes=64),
    Scenario("post", "POST", 1, reply_bytes=64, request_bytes=1000),
    Scenario("connect", "a connection for each request", 1, reply_bytes=64, keep_alive=False),
    Scenario("rate", "a fixed rate", 1, Kind.FIXED_RATE, reply_bytes=64),
    Scenario("idle", "30 idle connections", 30, Kind.IDLE, reply_bytes=64),
    Scenario("routes", "7 routes", 1, Kind.ROUTES, reply_bytes=64, routes=7),
)


class Runs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.out = Path(directory.name) / "out"
        self.built = Path(directory.name) / "built"
        self.built.mkdir()
        generator = (STUBS / "corelane-loadtest").read_text().splitlines()
        program = self.built / "corelane-loadtest"
        program.write_text("\n".join([f"#!{' '.join(PYTHON)}", *generator[1:]]))
        program.chmod(0o755)
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        self.patch(configuration, "FILES", STUBS)
        self.patch(idle, "LOOK_SECONDS", 0.01)
        self.patch(targets, "read", lambda: [])

    def patch(self, *what):
        patch = mock.patch.object(*what)
        patch.start()
        self.addCleanup(patch.stop)

    def run_it(self, *words, peers=TWO, scenarios=ROWS):
        """One run; returns its exit code, what it printed, and its progress."""
        fixed = ["--build-directory", str(self.built), "--seconds", "0.1", "--warmup", "0.1"]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            with contextlib.redirect_stderr(io.StringIO()) as err:
                code = command.main([*fixed, *words], peers, scenarios)
        return code, out.getvalue(), err.getvalue()

    def kept(self):
        """The raw data of a run."""
        return json.loads((self.out / "peers.json").read_text())

    def test_takes_every_peer_through_every_scenario(self):
        code, page, said = self.run_it("--rounds", "1", peers=PEERS)
        self.assertEqual(code, 0, said)
        for row in ROWS:
            self.assertIn(f"## {row.heading}", page)
        self.assertIn("- skipped: absent: not installed", page)
        # Three in each of six tables, less the scenario in which the third takes no part.
        rows = [
            line
            for line in page.splitlines()
            if line.startswith(("| corelane", "| nginx", "| third"))
        ]
        self.assertEqual(len(rows), 17)
        self.assertIn("corelane 1.2.3, nginx 1.2.3, third 1.2.3", page)
        self.assertNotIn(str(STUBS), page)
        self.assertNotIn(str(Path.home()), page)

    def test_keeps_page_picture_and_raw_data(self):
        words = ["--rounds", "2", "--scenario", "plain", "--scenario", "idle"]
        code, page, _ = self.run_it(*words, "--out", str(self.out))
        self.assertEqual((code, page), (0, ""))
        names = sorted(path.name for path in self.out.iterdir())
        self.assertEqual(names, ["peers.json", "peers.md", "peers.svg"])
        plain, idling = self.kept()["scenarios"]
        self.assertEqual((plain["rounds"], len(plain["samples"])), (2, 4))
        self.assertEqual({sample["requests"] for sample in plain["samples"]}, {8})
        self.assertTrue(all(sample["cpu_us"] > 0 for sample in plain["samples"]))
        self.assertTrue(all(sample["errors"] == 0 for sample in idling["samples"]))
        # A thread for each connection: the stub is no lighter than that.
        self.assertTrue(all(sample["idle_kib"] > 0 for sample in idling["samples"]))
        self.assertNotIn(str(self.out), (self.out / "peers.md").read_text())

    def test_an_interrupted_run_keeps_its_rounds_and_goes_on_later(self):
        taken = []
        take = measure.Stage.take

        def interrupt(stage, peer, binary, number):
            taken.append(number)
            if len(taken) == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            return take(stage, peer, binary, number)

        words = ["--scenario", "plain", "--rounds", "2", "--out", str(self.out)]
        with mock.patch.object(measure.Stage, "take", interrupt):
            code, _, said = self.run_it(*words)
        self.assertEqual(code, command.INTERRUPTED)
        self.assertIn("those before it are kept", said)
        first = self.kept()["scenarios"][0]
        self.assertEqual((first["rounds"], len(first["samples"])), (1, 2))
        self.assertIn("1 rounds.", (self.out / "peers.md").read_text())

        code, _, said = self.run_it(*words, "--continue")
        self.assertEqual(code, 0, said)
        kept = self.kept()
        samples = kept["scenarios"][0]["samples"]
        self.assertEqual(samples[:2], first["samples"])
        self.assertEqual([one["round"] for one in samples], [1, 1, 2, 2])
        self.assertEqual([one["piece"] for one in samples], [0, 0, 1, 1])
        self.assertEqual(len(kept["pieces"]), 2)

        before = self.kept()
        self.assertEqual(self.run_it(*words, "--continue")[0], 0)
        self.assertEqual(self.kept(), before)

    def test_a_time_limit_ends_a_piece_between_rounds(self):
        words = [
            "--rounds",
            "2",
            "--scenario",
            "plain",
            "--scenario",
            "post",
            "--out",
            str(self.out),
        ]
        code, _, said = self.run_it(*words, "--minutes", "0.0001")
        self.assertIn("--continue takes what is missing", said)
        rounds = [scenario["rounds"] for scenario in self.kept()["scenarios"]]
        self.assertEqual((code, rounds), (0, [1, 0]))
        self.run_it(*words, "--continue")
        self.assertEqual([scenario["rounds"] for scenario in self.kept()["scenarios"]], [2, 2])

    def test_what_has_changed_is_not_continued(self):
        words = ["--rounds", "1", "--scenario", "plain", "--out", str(self.out)]
        self.run_it(*words)
        code, _, said = self.run_it(*words, "--continue", "--seconds", "0.2")
        self.assertEqual(code, command.FAILED)
        self.assertIn("cannot continue peers.json: seconds was 0.1 and is 0.2", said)
        code, _, said = self.run_it(*words, "--continue", "--peer", BASE)
        self.assertIn("cannot continue peers.json: versions was", said)
        with mock.patch.object(command, "digest", lambda _: "another"):
            code, _, said = self.run_it(*words, "--continue")
        self.assertIn("build was", said)

    def test_the_page_is_made_again_from_the_raw_data(self):
        self.run_it("--rounds", "1", "--scenario", "plain", "--out", str(self.out))
        files = [self.out / "peers.md", self.out / "peers.svg"]
        before = [path.read_text() for path in files]
        for path in files:
            path.unlink()
        self.assertEqual(self.run_it("--page", "--out", str(self.out))[0], 0)
        self.assertEqual([path.read_text() for path in files], before)

    def test_a_peer_that_fails_is_left_out_and_told(self):
        broken = peer("broken", program="no-such-file")
        words = ["--rounds", "2", "--scenario", "plain", "--scenario", "post"]
        code, page, said = self.run_it(*words, peers=(*TWO, broken))
        self.assertEqual(code, command.FAILED)
        self.assertEqual(said.count("broken ended with 2"), 2)
        self.assertEqual(page.count("- broken: failed in round 1: broken ended with 2"), 2)
        self.assertNotIn("| broken |", page)

    def test_a_missed_target_is_told_by_the_exit_code(self):
        bound = targets.Target("plain", "cpu_us", at_most=0.001)
        self.patch(targets, "read", lambda: [bound])
        self.patch(targets, "ROUNDS", 1)
        code, page, said = self.run_it("--rounds", "1", "--scenario", "plain")
        self.assertEqual(code, command.TARGET_MISSED)
        self.assertIn("missed: plain: CPU per request ≤ 0.00 µs", said)
        self.assertIn("**missed**", page)

    def test_many_routes_are_measured_beside_one(self):
        routes = []
        write = configuration.write

        def watch(*words):
            routes.append(words[-1])
            return write(*words)

        with mock.patch.object(configuration, "write", watch):
            self.run_it(
                "--rounds", "1", "--scenario", "routes", "--peer", OURS, "--out", str(self.out)
            )
        self.assertEqual(routes, [1, 7])
        ((taken,),) = [scenario["samples"] for scenario in self.kept()["scenarios"]]
        self.assertEqual(taken["routes_ratio"], taken["cpu_us"] / taken["one_route_cpu_us"])

    def test_the_rate_is_half_of_what_the_base_can_do(self):
        rates = []
        words = measure.generator_words

        def watch(bench, scenario, rate):
            rates.append(rate)
            return words(bench, scenario, rate)

        with mock.patch.object(measure, "generator_words", watch):
            self.run_it(
                "--rounds", "1", "--scenario", "rate", "--peer", BASE, "--out", str(self.out)
            )
        (scenario,) = self.kept()["scenarios"]
        # The command for the page, three times the base's saturation, and the sample after its warm-up.
        self.assertEqual(rates, ["RATE", *[None] * 6, None, scenario["rate"]])

        speeds = iter([28_000.0, 31_000.0, 9_000.0, 1.0])

        def take(*_):
            return sample(per_second=next(speeds), round=1)

        with mock.patch.object(measure.Stage, "take", take):
            self.run_it(
                "--rounds", "1", "--scenario", "rate", "--peer", BASE, "--out", str(self.out)
            )
        self.assertEqual(self.kept()["scenarios"][0]["rate"], 16_000)

    def test_without_the_base_there_is_no_fixed_rate(self):
        code, _, said = self.run_it("--scenario", "rate", "--peer", OURS)
        self.assertEqual(code, command.FAILED)
        self.assertIn(f"skipping rate: its rate is half of what {BASE} can do", said)

    def test_needs_its_generator(self):
        code, _, said = self.run_it("--build-directory", str(self.out))
        self.assertEqual((code, "cargo build" in said), (command.FAILED, True))


class CommandLines(unittest.TestCase):
    def refused(self, *words):
        """What is said about a command line that makes no sense."""
        with contextlib.redirect_stderr(io.StringIO()) as said:
            with self.assertRaises(SystemExit) as ended:
                command.main(words)
        self.assertEqual(ended.exception.code, 2)
        return said.getvalue()

    def test_that_make_no_sense_are_refused_with_the_reason(self):
        self.assertIn("must be positive", self.refused("--rounds", "0"))
        self.assertIn("need --out", self.refused("--continue"))
        self.assertIn("need --out", self.refused("--page"))
        self.assertIn("a core of its own", self.refused("--proxy-cpu", "0", "--load-cpu", "0,1"))
        self.assertIn("a core of its own", self.refused("--proxy-cpu", "0", "--origin-cpu", "0"))
        self.assertIn("may use the cores", self.refused("--load-cpu", "70000"))
        self.assertIn("--load-cpu", self.refused("--load-cpu", "1,1"))
        self.assertIn("no-such", self.refused("--scenario", "no-such"))


class Words(unittest.TestCase):
    def test_each_scenario_tells_the_generator_what_it_is(self):
        bench = measure.Bench("", 0, load_cpus=[2, 3], origin_cpus=[1], seconds=1, warmup=1)
        told = {row.name: " ".join(measure.generator_words(bench, row)) for row in ROWS}
        plain = "run --json --quiet --cpu 2,3 --connections 1"
        self.assertEqual(told["plain"], plain)
        self.assertEqual(told["post"], f"{plain} --method POST --body-size 1000")
        self.assertEqual(told["connect"], f"{plain} --no-keep-alive")
        self.assertEqual(told["idle"], plain.replace(" 1", f" {measure.WARMUP_CONNECTIONS}"))
        rated = measure.generator_words(bench, ROWS[0], rate=15_000)
        self.assertEqual(" ".join(rated), f"{plain} --rate 15000/s")
        origin = measure.origin_words(bench, ROWS[0])
        self.assertEqual(" ".join(origin), "origin --cpu 1 --size 64")


if __name__ == "__main__":
    unittest.main()
