#!/usr/bin/env python3
"""Snapshots of a busy server: nobody may notice. TAP.

  test_snapshot.py [--snapshots N] [--kills N] [--heap-mb N] [--signals]

Snapshots one after the other under load, then gospect killed with SIGKILL at random moments. Each time: no request fails, no
thread is lost or left stopped, traced or with signals blocked, no child or zombie stays. The pause is measured by the target's own clock too.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
GOSPECT = os.environ.get("GOSPECT", str(HERE.parent.parent / "build/gospect"))


class Load:
    """Clients that never pause; any answer that is not 200 counts as failed."""

    def __init__(self, address, clients=4):
        self.address, self.stop, self.done, self.failed, self.latencies = address, False, 0, [], []
        self.threads = [threading.Thread(target=self.client) for _ in range(clients)]
        for t in self.threads:
            t.start()

    def client(self):
        c = http.client.HTTPConnection(self.address, timeout=10)
        while not self.stop:
            begin = time.monotonic()
            try:
                c.request("GET", "/")
                r = c.getresponse()
                r.read()
                if r.status != 200:
                    raise OSError(r.status)
                self.done += 1
                self.latencies.append(time.monotonic() - begin)
            except OSError as e:
                self.failed.append(repr(e))
                c.close()
            time.sleep(0.002)

    def end(self):
        self.stop = True
        for t in self.threads:
            t.join()


def status_of(path):
    with open(path) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if status_of(f"/proc/{name}/status").get("PPid") == str(pid):
                    found.append((int(name), status_of(f"/proc/{name}/status").get("State")))
            except OSError:
                pass
    return found


def harm(pid, masks):
    """What a snapshot left behind; empty: nothing."""
    wrong = []
    tids = os.listdir(f"/proc/{pid}/task")
    for tid in tids:
        try:
            s = status_of(f"/proc/{pid}/task/{tid}/status")
        except OSError:
            continue
        if s["TracerPid"].strip() != "0":
            wrong.append(f"thread {tid} is traced")
        if s["State"][0] in "tTZX":
            wrong.append(f"thread {tid} is {s['State']}")
        if s["SigBlk"].strip() not in masks:
            wrong.append(f"thread {tid} blocks {s['SigBlk']}")
    wrong += [f"child {c}" for c in children(pid)]
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            wrong += [f"descriptor {fd} is left"] * ("userfaultfd" in os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass  # closed meanwhile
    with open(f"/proc/{pid}/smaps") as f:
        wrong += ["a mapping is watched" for line in f if line.startswith("VmFlags:") and "uw" in line.split()]
    return wrong


def settled(pid, masks, limit=5):
    """A guard that lost its gospect needs a moment."""
    end = time.monotonic() + limit
    wrong = harm(pid, masks)
    while wrong and time.monotonic() < end:
        time.sleep(0.02)
        wrong = harm(pid, masks)
    return wrong


def get(address, path):
    c = http.client.HTTPConnection(address, timeout=10)
    c.request("GET", path)
    text = c.getresponse().read().decode()
    c.close()
    return text


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))] if values else 0.0


def histogram(name, values):
    """Requests by latency, in powers of two of a tenth of a millisecond."""
    bins = {}
    for v in values:
        limit = 0.1
        while 1e3 * v > limit:
            limit *= 2
        bins[limit] = bins.get(limit, 0) + 1
    print(f"# {name}: " + ", ".join(f"<= {limit:g} ms {100 * bins[limit] / len(values):.2f} %" for limit in sorted(bins)))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--snapshots", type=int, default=50)
    p.add_argument("--kills", type=int, default=20)
    p.add_argument("--heap-mb", type=int, default=64)
    p.add_argument("--signals", action="store_true", help="the target is profiled and has an alarm with a handler")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    rng = random.Random(args.seed)
    n, failed = 0, 0

    def check(ok, name, why=""):
        nonlocal n, failed
        n += 1
        failed += not ok
        print(("ok" if ok else "not ok"), n, "-", name)
        if not ok:
            print("#", why)
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder:
        exe, core = f"{folder}/server", f"{folder}/s.core"
        subprocess.run(["go", "build", "-o", exe, "./snapshot"], cwd=HERE, check=True)
        server = subprocess.Popen([exe, str(args.heap_mb), *(["signals"] if args.signals else [])], stdout=subprocess.PIPE, text=True)
        try:
            address, pid = server.stdout.readline().strip(), server.pid
            quiet = Load(address)
            time.sleep(1 if args.snapshots < 500 else 20)
            quiet.end()
            masks = {status_of(f"/proc/{pid}/task/{t}/status")["SigBlk"].strip() for t in os.listdir(f"/proc/{pid}/task")}
            load = Load(address)
            wrong, pauses = [], {}
            threads = set(os.listdir(f"/proc/{pid}/task"))
            get(address, "/gap")
            for i in range(args.snapshots):
                how = ["fork", "auto", "copy"][i % 3] if i % 5 == 4 else "auto"
                r = subprocess.run([GOSPECT, "snapshot", str(pid), "-o", core, "--how", how, "--format", "json", "-q"],
                                   capture_output=True, text=True, timeout=60)
                if r.returncode:
                    # Only what was asked for by name may be refused: no thread slept at that moment.
                    if how != "fork":
                        wrong.append(r.stderr)
                    continue
                a = json.loads(r.stdout)
                pauses.setdefault(a["how"], []).append(a["pause_ns"] / 1e6)
                wrong += [f"snapshot {i}: {w}" for w in settled(pid, masks)]
            lost = threads - set(os.listdir(f"/proc/{pid}/task"))
            wrong += [f"thread {t} is lost" for t in lost]
            gap = int(get(address, "/gap")) / 1e6
            load.end()
            check(not wrong and server.poll() is None, f"{args.snapshots} snapshots leave nothing behind", "; ".join(wrong[:5]))
            check(not load.failed and load.done > 0, f"no request of {load.done} failed", "; ".join(load.failed[:5]))
            check("fork" in pauses, "copy-on-write children were used", str(pauses.keys()))
            for how, ms in pauses.items():
                print(f"# {len(ms)} by {how}: pause median {quantile(ms, .5):.2f} ms, worst {quantile(ms, 1):.2f} ms")
            print(f"# longest gap of the target's clock {gap:.2f} ms")
            print(f"# latency p50/p99/max ms: untouched {1e3 * quantile(quiet.latencies, .5):.2f}/{1e3 * quantile(quiet.latencies, .99):.2f}/"
                  f"{1e3 * quantile(quiet.latencies, 1):.2f}, with snapshots {1e3 * quantile(load.latencies, .5):.2f}/"
                  f"{1e3 * quantile(load.latencies, .99):.2f}/{1e3 * quantile(load.latencies, 1):.2f}")

            histogram("untouched", quiet.latencies)
            histogram("with snapshots", load.latencies)
            if args.signals:
                before = int(get(address, "/alarms"))
                time.sleep(0.5)
                check(int(get(address, "/alarms")) > before, "its alarms still arrive")

            begin = time.monotonic()
            subprocess.run([GOSPECT, "snapshot", str(pid), "-o", core, "-q"], capture_output=True, timeout=60)
            whole = time.monotonic() - begin
            load, wrong = Load(address), []
            for i in range(args.kills):
                g = subprocess.Popen([GOSPECT, "snapshot", str(pid), "-o", core, "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(rng.random() * whole)
                g.send_signal(signal.SIGKILL)
                g.wait()
                wrong += [f"kill {i}: {w}" for w in settled(pid, masks)]
                if server.poll() is not None:
                    wrong.append(f"kill {i}: the server is gone")
                    break
            load.end()
            check(not wrong, f"{args.kills} times killed in the middle: the target goes on, no child stays", "; ".join(wrong[:5]))
            check(not load.failed and load.done > 0, f"no request of {load.done} failed", "; ".join(load.failed[:5]))
        finally:
            server.kill()
            server.wait()
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
