"""What the live tests share: running programs, recordings, and TAP."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

import programs

GOSPECT = os.environ.get("GOSPECT") or str(programs.HERE.parent.parent / "build/gospect")
OUT = pathlib.Path(os.environ.get("LIVE_BIN") or programs.OUT)
TESTS = []


class Skip(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


def run_all():
    wanted = sys.argv[1:]
    chosen = [t for t in TESTS if not wanted or any(w in t.__name__ for w in wanted)]
    print(f"1..{len(chosen)}", flush=True)
    failed = False
    for n, t in enumerate(chosen, 1):
        start = time.monotonic()
        note = ""
        try:
            with tempfile.TemporaryDirectory(prefix="gospect-live-") as tmp:
                t(pathlib.Path(tmp))
            word = "ok"
        except (Skip, programs.Unavailable) as e:
            word, note = "ok", " # SKIP " + " ".join(str(e).split())[:200]
        except Exception:
            word, failed = "not ok", True
            print("\n".join("# " + x for x in traceback.format_exc().splitlines()))
        print(f"{word} {n} - {t.__name__}{note}\n# {time.monotonic() - start:.1f} s", flush=True)
    return 1 if failed else 0


def gospect(*args, ok=(0,), timeout=60, **kw):
    r = subprocess.run([GOSPECT, *map(str, args)], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **kw)
    assert r.returncode in ok, f"gospect {' '.join(map(str, args))}: exit {r.returncode}\n{r.stdout[-2000:]}\n{r.stderr[-2000:]}"
    return r


class Target:
    """A program that says 'up PID' or 'shop: URL pid PID' when it runs."""

    def __init__(self, argv, **kw):
        self.process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, text=True, **kw)
        self.line = self.process.stdout.readline()
        self.pid = self.process.pid
        url = re.search(r"http://\S+", self.line)
        self.url = url[0] if url else None
        assert self.line, f"{argv} did not start"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def program(name, version="", variant="plain", seconds=300):
    return Target([programs.binary(name, version, variant, OUT), f"{seconds}s"])


def shop(*args):
    exe = OUT / "shop"
    if not exe.exists() or any(p.stat().st_mtime > exe.stat().st_mtime for p in (programs.HERE.parent.parent / "examples/shop").rglob("*.go")):
        r = subprocess.run(["go", "build", "-o", exe, "."], cwd=programs.HERE.parent.parent / "examples/shop", env=programs.go_env("", False),
                           capture_output=True, text=True)
        if r.returncode != 0:
            raise Skip(r.stderr)
    return Target([exe, "-load", "-duration", "300s", *args])


def shop_with_pages(n, *args):
    """A shop whose cache has grown to n pages."""
    s = shop(*args)

    def grown():
        with urllib.request.urlopen(s.url + "/stats", timeout=10) as r:
            return json.load(r)["pages"] >= n
    wait_for(f"{n} pages", grown)
    return s


class Capture:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.info = json.loads((self.folder / "capture.json").read_text())

    def part(self, kind):
        return next((p for p in self.info["parts"] if p["kind"] == kind and p["state"] == "done"), None)

    def file(self, kind):
        part = self.part(kind)
        assert part, f"no {kind} in {json.dumps(self.info['parts'])}"
        return self.folder / part["file"]

    def stacks(self, lines=False):
        """[(frames from the root, value)] of the CPU profile."""
        return stacks(self.file("cpu"), lines)


def stacks(file, lines=False):
    out = gospect("flame", file, "--format", "folded", *(["--lines", "--granularity", "lines"] if lines else [])).stdout
    found = []
    for line in out.splitlines():
        frames, value = line.rsplit(" ", 1)
        found.append((frames.split(";"), int(value)))
    assert found, f"no samples in {file}"
    return found


def share(found, matches):
    """Share of the samples with a frame that matches."""
    total = sum(v for _, v in found)
    return sum(v for frames, v in found if any(matches(f) for f in frames)) / total


def has(found, name):
    return any(f == name for frames, _ in found for f in frames)


def perf_allowed():
    if os.geteuid() == 0:
        return
    level = int(pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text())
    if level > 2:
        raise Skip(f"perf_event_paranoid is {level}")


def record(tmp, target, *args, seconds=2, ok=(0,)):
    """Records a process (or what `target` names) and returns the capture."""
    perf_allowed()
    folder = tmp / "capture"
    shutil.rmtree(folder, ignore_errors=True)
    what = target.pid if isinstance(target, Target) else target
    gospect("record", what, "-q", "-d", f"{seconds}s", "-o", folder, *args, ok=ok)
    return Capture(folder)


def wait_for(what, check, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")
