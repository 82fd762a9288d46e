"""Packages that bring a suite, fetched by their ordinary clients into the target directory and unpacked there."""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile

from programs import ROOT, TARGET

PLACE = TARGET / "http1-suites"


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def checked(path, digest):
    """A suite that changed is another suite."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise SystemExit(f"{path.name} has the SHA-256 {found}, not {digest}")
    return path


def place_of(name):
    """Where a package is unpacked, and whether it is there already."""
    place = PLACE / name
    return place, (place / "complete").exists()


def source_distribution(name, version, digest):
    """The unpacked source distribution of a Python package."""
    place, there = place_of(f"{name}-{version}")
    if not there:
        place.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run(*pip, "download", "--no-deps", "--no-binary", ":all:", "--dest", place, f"{name}=={version}")
        with tarfile.open(checked(place / f"{name}-{version}.tar.gz", digest)) as archive:
            archive.extractall(place, filter="data")
        (place / "complete").touch()
    return place / f"{name}-{version}"


def debian_package(name):
    """The unpacked files of a Debian package."""
    place, there = place_of(name)
    if not there:
        if shutil.which("apt-get") is None:
            raise SystemExit(f"{name} is a Debian package, and there is no apt-get; leave this suite out with --suite")
        place.mkdir(parents=True, exist_ok=True)
        run("apt-get", "download", "--quiet", name, cwd=place)
        (archive,) = place.glob("*.deb")
        run("dpkg-deb", "--extract", archive, place)
        (place / "complete").touch()
    return place


def crate(name):
    """The directory of a crate that Cargo.lock names."""
    metadata = json.loads(run("cargo", "metadata", "--format-version", "1", "--locked", cwd=ROOT))
    for package in metadata["packages"]:
        if package["name"] == name:
            return package["manifest_path"].removesuffix("Cargo.toml"), package["version"]
    raise SystemExit(f"Cargo.lock does not name {name}")
