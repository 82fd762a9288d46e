"""Starting, waiting, accounting and ending, with small Python programs as the peers."""

import os
import sys
import tempfile
import time
import unittest
from pathlib import Path

from sidebyside import machine, measure, processes
from sidebyside.processes import CpuTime, Failed, Program
from sidebyside.rounds import turns

CPU = str(min(os.sched_getaffinity(0)))

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

# A parent that would not take its child with it.
PARENT = """
import os, select, sys
child = os.fork()
if child:
    open(sys.argv[1], "w").write(str(child))
select.select([], [], [])
"""


def state_of(pid):
    """One letter, or nothing when there is no such process any more."""
    return processes._read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].strip()[:1]


class Programs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def program(self, *arguments, **environment):
        command = [sys.executable, "-c", *arguments]
        return Program("stub", command, CPU, self.directory, environment)

    def wait_until_it_answers(self, server, port):
        while True:
            server.check_alive()
            try:
                return processes.fetch(port)
            except OSError:
                time.sleep(processes.POLL_SECONDS)

    def test_is_waited_for_until_it_serves(self):
        (port,) = processes.free_ports(1)
        with self.program(SERVER, str(port), "200") as server:
            server.wait_until_serving(port, 5)
            self.assertEqual(processes.fetch(port), (200, 5))
            self.assertGreater(server.rss_kib(), 1024)
        with self.assertRaises(OSError):
            processes.fetch(port)

    def test_a_wrong_answer_is_not_serving(self):
        self.addCleanup(setattr, processes, "START_SECONDS", processes.START_SECONDS)
        (port,) = processes.free_ports(1)
        with self.program(SERVER, str(port), "502") as server:
            self.wait_until_it_answers(server, port)
            processes.START_SECONDS = 0
            with self.assertRaisesRegex(Failed, "it answers 502 with 5 bytes"):
                server.wait_until_serving(port, 5)

    def test_its_children_end_with_it(self):
        told = Path(self.directory) / "child"
        with self.program(PARENT, str(told)) as program:
            while not (told.exists() and told.read_text()):
                program.check_alive()
            child = int(told.read_text())
            self.assertIn(child, processes.family(program._process.pid))
        deadline = time.monotonic() + 5
        # Whoever collects orphans may not have come yet: a zombie has ended, too.
        while (state := state_of(child)) not in ("", "Z", "X"):
            self.assertLess(time.monotonic(), deadline, f"the child is in state {state}")

    def test_gets_its_environment(self):
        with self.program(
            "import os, sys; sys.exit(os.environ['STUB_WORD'])", STUB_WORD="hello"
        ) as one:
            with self.assertRaisesRegex(Failed, "stub ended with 1: hello"):
                one.wait_until_serving(1, 5)

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

    def shares(self, load_idle, generator):
        """Of one second: the proxy used 0.9 s, the origin 0.25 s; the others' cores 1, 2… were idle
        for so many of 100 ticks."""
        idle = [10, *load_idle]
        nothing = {cpu: machine.CoreTime(0, 0) for cpu in range(len(idle))}
        cores = {cpu: machine.CoreTime(100, ticks) for cpu, ticks in enumerate(idle)}
        before = measure.Readings(5.0, 3.0, CpuTime(0, 0, 0), CpuTime(0, 0, 0), nothing)
        proxy, origin = CpuTime(900_000_000, 0, 0), CpuTime(250_000_000, 0, 0)
        after = measure.Readings(6.0, 3.0 + generator, proxy, origin, cores)
        others = list(nothing)[1:]
        bench = measure.Bench(
            "", 0, load_cpus=others[:1], origin_cpus=others[-1:], seconds=1, warmup=1
        )
        return measure.shares(bench, before, after)

    def test_what_is_neither_idle_nor_ours_is_foreign(self):
        shares = self.shares([10], generator=0.25)
        self.assertEqual((shares["proxy_core_idle"], shares["load_core_idle"]), (0.1, 0.1))
        self.assertAlmostEqual(shares["foreign"], 0.4)

    def test_of_several_load_cores_the_fullest_is_told_and_all_are_summed(self):
        shares = self.shares([2, 70], generator=0.98)
        self.assertEqual(shares["load_core_idle"], 0.02)
        self.assertAlmostEqual(shares["foreign"], 0.05)

    def test_a_list_of_cores_names_each_once(self):
        self.assertEqual(machine.parse_cpus("2,3"), [2, 3])
        for text in ("2,2", "a", ""):
            with self.assertRaises(ValueError):
                machine.parse_cpus(text)


class Order(unittest.TestCase):
    def test_every_round_has_every_peer_once_and_begins_with_another(self):
        in_rounds = [turns(["a", "b", "c"], number) for number in (1, 2, 3, 4)]
        self.assertEqual([one[0] for one in in_rounds], ["a", "b", "c", "a"])
        self.assertTrue(all(sorted(one) == ["a", "b", "c"] for one in in_rounds))
        self.assertEqual(turns([], 3), [])


if __name__ == "__main__":
    unittest.main()
