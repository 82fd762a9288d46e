"""The programs that are judged, each as a plain reverse proxy in front of one origin."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

from wire import wait_until

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = os.environ.get("CORELANE", str(TARGET / "release/corelane"))

CORELANE = """runtime: {{workers: 1, pin: false}}
listeners: [{{name: main, address: 127.0.0.1:0}}]
services: {{origin: {{endpoints: [127.0.0.1:{origin}]}}}}
routes: [{{path: /*, service: origin}}]
"""

NGINX = """worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.err; user root;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {directory}/nb; proxy_temp_path {directory}/np;
 fastcgi_temp_path {directory}/nf; uwsgi_temp_path {directory}/nu; scgi_temp_path {directory}/ns;
 upstream origin {{ server 127.0.0.1:{origin}; keepalive 8; }}
 server {{ listen 127.0.0.1:{port}; server_name gateway.example;
  location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header Connection ""; }} }} }}
"""

HAPROXY = """global
 maxconn 1024
defaults
 mode http
 timeout connect 5s
 timeout client 30s
 timeout server 30s
frontend main
 bind 127.0.0.1:{port}
 default_backend origin
backend origin
 http-reuse always
 server one 127.0.0.1:{origin}
"""


class Process:
    """A process of ours, which is ended by its pid."""

    def __init__(self, command, log):
        self.log = Path(log)
        if not Path(command[0]).exists():
            raise SystemExit(f"there is no {command[0]}; build it first")
        with open(log, "w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)

    def ready(self, condition):
        """Waits for the condition; without it the process's own words are the error."""
        if not wait_until(lambda: self.process.poll() is not None or condition(), 15) or self.process.poll() is not None:
            self.stop()
            raise SystemExit(f"{self.process.args[0]} did not start:\n{self.log.read_text()}")

    def stop(self):
        """Ends it; its status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def start_corelane(directory, origin):
    config = directory / "corelane.yaml"
    config.write_text(CORELANE.format(origin=origin))
    process = Process([PROGRAM, "run", "-c", str(config)], directory / "corelane.log")
    process.ready(lambda: "ready generation" in process.log.read_text())
    return process, int(re.search(r"listening 127\.0\.0\.1:(\d+) main", process.log.read_text()).group(1))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def start_peer(name, template, command):
    def start(directory, origin):
        port = free_port()
        (directory / f"{name}.conf").write_text(template.format(directory=directory, origin=origin, port=port))
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if path is None:
            raise SystemExit(f"there is no {name} on this machine")
        process = Process([path, *(part.format(directory=directory) for part in command)], directory / f"{name}.log")
        process.ready(lambda: accepts(port))
        return process, port

    return start


class Pipe:
    """No proxy at all: a copier of bytes. It lets through whatever there is, so it shows whether the judge sees it."""

    def __init__(self, origin):
        self.origin = origin
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            origin = socket.create_connection(("127.0.0.1", self.origin))
            for source, sink in ((client, origin), (origin, client)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def stop(self):
        self.listener.close()
        return 0


def start_pipe(_directory, origin):
    pipe = Pipe(origin)
    return pipe, pipe.listener.getsockname()[1]


PROGRAMS = {
    "corelane": start_corelane,
    "pipe": start_pipe,
    "nginx": start_peer("nginx", NGINX, ["-e", "{directory}/nginx.err", "-c", "{directory}/nginx.conf"]),
    "haproxy": start_peer("haproxy", HAPROXY, ["-db", "-f", "{directory}/haproxy.conf"]),
}
"""Each starts a program: (its process, its port)."""
