"""Starting, waiting, accounting and ending, with small Python programs as the peers."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

from sidebyside import command, machine, measure, processes
from sidebyside.peers import PEERS
from sidebyside.processes import CpuTime, Failed, Program

CPU = min(os.sched_getaffinity(0))

SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]))
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""

# A parent that waits for a child that computes for 0.2 s of CPU time and then waits, too.
FAMILY = """
import os, select, sys, time
if os.fork() == 0:
    while time.process_time() < 0.2:
        pass
    open(sys.argv[1], "w").close()
select.select([], [], [])
"""


class Programs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def program(self, *arguments):
        return Program("stub", [sys.executable, "-c", *arguments], CPU, self.directory)

    def test_is_waited_for_until_it_serves(self):
        (port,) = processes.free_ports(1)
        with self.program(SERVER, str(port), "200") as server:
            server.wait_until_serving(port, 5)
            self.assertEqual(processes.fetch(port), (200, 5))
            self.assertGreater(server.rss_kib(), 1024)
        with self.assertRaises(OSError):
            processes.fetch(port)

    def test_a_wrong_answer_is_not_serving(self):
        processes_start, processes.START_SECONDS = processes.START_SECONDS, 0.5
        self.addCleanup(setattr, processes, "START_SECONDS", processes_start)
        (port,) = processes.free_ports(1)
        with self.program(SERVER, str(port), "502") as server:
            with self.assertRaisesRegex(Failed, "it answers 502 with 5 bytes"):
                server.wait_until_serving(port, 5)

    def test_an_early_end_is_told_with_its_last_words(self):
        with self.program("import sys; sys.exit('no such port')") as program:
            with self.assertRaisesRegex(Failed, "stub ended with 1: no such port"):
                program.wait_until_serving(1, 5)

    def test_the_cpu_time_includes_children(self):
        done = Path(self.directory) / "done"
        with self.program(FAMILY, str(done)) as program:
            while not done.exists():
                program.check_alive()
            used = program.cpu_time()
        self.assertGreater(used.nanoseconds, 200_000_000)
        ticks = (used.user_ticks + used.system_ticks) * measure.TICK_NANOSECONDS
        self.assertAlmostEqual(ticks / used.nanoseconds, 1, delta=0.3)

    def test_a_process_that_has_ended_costs_nothing_more(self):
        with self.program("") as program:
            process = program._process
            process.wait()
            self.assertEqual(processes.sum_cpu_time([process.pid]), CpuTime(0, 0, 0))
            self.assertEqual(processes.resident_kib(process.pid), 0)


class Accounts(unittest.TestCase):
    def test_cost_is_shared_by_the_requests_and_split_by_the_ticks(self):
        cost = measure.cost(CpuTime(2_000_000, 1, 3), answered=100)
        self.assertEqual((cost["cpu_us"], cost["user_us"], cost["system_us"]), (20.0, 5.0, 15.0))

    def test_a_core_is_idle_for_a_share_of_its_time(self):
        with tempfile.TemporaryDirectory() as directory:
            stat = Path(directory) / "stat"
            stat.write_text("cpu 9 9 9 9\ncpu0 1 1 1 1\ncpu1 10 0 20 60 10 0 5 5 7 7\n")
            before = machine.core_time(1, stat)
            self.assertEqual(before, machine.CoreTime(total=110, idle=70))
            after = machine.CoreTime(total=310, idle=120)
            self.assertEqual(after.idle_share_since(before), 0.25)
            with self.assertRaises(LookupError):
                machine.core_time(2, stat)

    def test_what_is_neither_idle_nor_ours_is_foreign(self):
        def readings(proxy, origin, proxy_idle, load_idle):
            return measure.Readings(
                CpuTime(proxy, 0, 0),
                CpuTime(origin, 0, 0),
                machine.CoreTime(proxy // 1_000_000 + proxy_idle, proxy_idle),
                machine.CoreTime(1000 if proxy else 0, load_idle),
            )

        report = {"elapsed_s": 1.0, "worker_busy": [0.25]}
        before, after = readings(0, 0, 0, 0), readings(900_000_000, 250_000_000, 100, 100)
        shares = measure.shares(before, after, report)
        self.assertEqual((shares["proxy_core_idle"], shares["load_core_idle"]), (0.1, 0.1))
        self.assertAlmostEqual(shares["foreign"], 0.4)


class Tables(unittest.TestCase):
    def test_every_configuration_takes_the_ports(self):
        for peer in PEERS:
            with tempfile.TemporaryDirectory() as directory:
                text = peer.configure(directory, 11111, 22222).read_text()
            settings = "".join(line for line in text.splitlines() if not line.startswith("#"))
            self.assertIn(":11111", settings, peer.name)
            self.assertIn(":22222", settings, peer.name)
            self.assertNotIn("18080", settings, peer.name)
            self.assertNotIn("19000", settings, peer.name)

    def test_every_round_has_every_peer_once_and_begins_with_another(self):
        order = list(command.turns(["a", "b", "c"], 4))
        rounds = [[peer for number, peer in order if number == n] for n in (1, 2, 3, 4)]
        self.assertEqual([one[0] for one in rounds], ["a", "b", "c", "a"])
        self.assertTrue(all(sorted(one) == ["a", "b", "c"] for one in rounds))


if __name__ == "__main__":
    unittest.main()
