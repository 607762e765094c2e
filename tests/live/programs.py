#!/usr/bin/env python3
"""Builds the programs of this folder with several Go versions and in several ways, and keeps the binaries.

    tests/live/programs.py [--out build/live-bin] [--versions …] [--programs …] [--variants …]     prints the paths

Variants: plain; stripped (-s -w); pie; stripped-pie; trimpath; cgo (linked by the C linker); race. The program cgo is always built with cgo.
"""
import argparse
import functools
import hashlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent.parent / "build/live-bin"
VERSIONS = ["1.19.13", "1.21.13", "1.22.12", "1.24.13", "1.26.8", "1.27.4"]
VARIANTS = {
    "plain": [],
    "stripped": ["-ldflags=-s -w"],
    "pie": ["-buildmode=pie"],
    "stripped-pie": ["-buildmode=pie", "-ldflags=-s -w"],
    "trimpath": ["-trimpath"],
    "cgo": ["-ldflags=-linkmode=external"],
    "race": ["-race"],
}


class Unavailable(Exception):
    """This Go version or variant cannot be had on this machine."""


def names():
    return sorted(p.parent.name for p in HERE.glob("*/main.go"))


def sources_hash():
    h = hashlib.sha256()
    for p in sorted(HERE.glob("**/*")):
        if p.suffix in (".go", ".c", ".mod"):
            h.update(p.name.encode() + p.read_bytes())
    return h.hexdigest()[:12]


def go_env(version, cgo):
    env = dict(os.environ, CGO_ENABLED="1" if cgo else "0", GOWORK="off")
    env["GOFLAGS"] = "-buildvcs=false"
    env["GOTOOLCHAIN"] = f"go{version}" if version else "local"
    return env


@functools.lru_cache(None)
def check_version(version):
    """An old go ignores GOTOOLCHAIN and would build with itself."""
    try:
        r = subprocess.run(["go", "env", "GOVERSION"], cwd=HERE, env=go_env(version, False), capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Unavailable(str(e)) from e
    if r.returncode != 0 or (version and r.stdout.strip() != f"go{version}"):
        raise Unavailable(f"go {version}: {(r.stderr or r.stdout).strip()[-300:]}")


def binary(name, version="", variant="plain", out=OUT):
    """Path of the built program; version '' is the go on PATH. Raises Unavailable."""
    folder = pathlib.Path(out) / f"{version or 'local'}-{sources_hash()}"
    exe = folder / f"{name}-{variant}"
    if exe.exists():
        return exe
    check_version(version)
    folder.mkdir(parents=True, exist_ok=True)
    tmp = folder / f".{exe.name}.{os.getpid()}"
    try:
        r = subprocess.run(["go", "build", *VARIANTS[variant], "-o", tmp, f"./{name}"], cwd=HERE,
                           env=go_env(version, name == "cgo" or variant in ("cgo", "race")), capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Unavailable(f"{name} {version} {variant}: {e}") from e
    if r.returncode != 0:
        raise Unavailable(f"{name} {version} {variant}: {r.stderr.strip()[-400:]}")
    tmp.rename(exe)
    return exe


def marks(name):
    """Line numbers of the // mark:x comments of a program."""
    found = {}
    for n, line in enumerate((HERE / name / "main.go").read_text().splitlines(), 1):
        if "// mark:" in line:
            found[line.split("// mark:")[1].strip()] = n
    return found


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", default=OUT)
    a.add_argument("--versions", default=",".join(VERSIONS))
    a.add_argument("--programs", default=",".join(names()))
    a.add_argument("--variants", default=",".join(VARIANTS))
    a = a.parse_args()
    failed = 0
    for version in a.versions.split(","):
        for name in a.programs.split(","):
            for variant in a.variants.split(","):
                try:
                    print(binary(name, version, variant, a.out), flush=True)
                except Unavailable as e:
                    print(e, file=sys.stderr)
                    failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
