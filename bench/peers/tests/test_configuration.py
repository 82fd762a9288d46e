"""The peers' configurations: ports and routes put in, and nothing of it forgotten."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from sidebyside import configuration
from sidebyside.peers import FLOOR, PEERS


class Files(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def written(self, files, routes=1):
        path = configuration.write(files, self.directory, 11111, 22222, routes)
        self.assertEqual(path, self.directory / files[0])
        return "".join((self.directory / name).read_text() for name in files)

    def test_of_every_peer_take_the_ports(self):
        for peer in PEERS:
            text = self.written(peer.files)
            self.assertEqual((text.count("11111"), text.count("22222")), (1, 1), peer.name)
            self.assertNotIn("18080", text, peer.name)
            self.assertNotIn("19000", text, peer.name)

    def test_of_every_peer_that_routes_take_a_thousand(self):
        for peer in PEERS:
            text = self.written(peer.files, routes=1000)
            wanted = 0 if peer.name == FLOOR else 1000
            for path in ("/items/0001/", "/items/0577/", "/items/1000/"):
                self.assertEqual(text.count(path), min(wanted, 1), f"{peer.name} {path}")
            self.assertEqual(text.count("/items/"), wanted, peer.name)
            self.assertEqual("1000-routes" in peer.lacks, wanted == 0, peer.name)

    def test_one_route_is_the_one_that_is_asked_for(self):
        for peer in PEERS:
            if peer.name != FLOOR:
                self.assertEqual(self.written(peer.files).count("/items/1000/"), 1, peer.name)

    def test_the_last_of_many_routes_is_the_one_that_is_asked_for(self):
        (self.directory / "list").write_text(
            "18080 19000\n  # a route\n  is 1000\n  # end of the route\n!"
        )
        with mock.patch.object(configuration, "FILES", self.directory):
            text = self.written(["list"], routes=3)
        self.assertEqual(text, "11111 22222\n  is 0998\n  is 0999\n  is 1000\n!")

    def test_a_port_that_is_missing_or_doubled_is_refused(self):
        for text in ("18080 18080 19000", "19000"):
            (self.directory / "list").write_text(text)
            with mock.patch.object(configuration, "FILES", self.directory):
                with self.assertRaisesRegex(ValueError, "list must name port 18080 exactly once"):
                    self.written(["list"])


if __name__ == "__main__":
    unittest.main()
