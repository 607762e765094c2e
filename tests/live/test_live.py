#!/usr/bin/env python3
"""gospect against real running Go programs. Prints TAP; arguments choose tests by a part of their names."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import programs
from live import OUT, GOSPECT, Capture, Skip, Target, gospect, has, perf_allowed, program, record, run_all, share, shop, shop_with_pages, stacks, test, wait_for

NEWEST = "1.27.4"


def inline_chain(tmp, version, variant):
    """The frames of the program inline, each at the line that its mark says."""
    at = programs.marks("inline")
    with program("inline", version, variant) as p:
        found = record(tmp, p, "-F", 499).stacks(lines=True)
    chains = {
        "main.physical": ["main.main", "main.physical", "main.top", "main.middle", "main.leaf"],
        "main.(*wheel).spin": ["main.main", "main.(*wheel).spin", "main.(*wheel).turn", "main.top", "main.middle", "main.leaf"],
    }
    lines = {"main.physical": "physical", "main.(*wheel).spin": "spin", "main.(*wheel).turn": "turn", "main.top": "top", "main.middle": "middle", "main.leaf": "leaf"}
    for name, chain in chains.items():
        whole = [f for f, _ in found if [x.split(" ")[0] for x in f][2:2 + len(chain)] == chain]
        assert whole, f"no stack {chain} among {[f for f, _ in found][:5]}"
        for frame in whole[0][3:2 + len(chain)]:
            fn, place = frame.split(" ", 1)
            assert place.endswith(f"inline/main.go:{at[lines[fn]]}"), f"{frame}: expected line {at[lines[fn]]}"


@test
def stripped_pie_names_inlines_and_lines(tmp):
    inline_chain(tmp, NEWEST, "stripped-pie")


@test
def stripped_pie_of_go_1_19(tmp):
    inline_chain(tmp, "1.19.13", "stripped-pie")


@test
def stripped_pie_of_go_1_21(tmp):
    inline_chain(tmp, "1.21.13", "stripped-pie")


@test
def plain_of_go_1_24(tmp):
    inline_chain(tmp, "1.24.13", "plain")


@test
def linked_by_the_c_linker(tmp):
    inline_chain(tmp, "", "cgo")


@test
def hot_loop_is_three_quarters(tmp):
    with program("hot", NEWEST, "stripped-pie") as p:
        found = record(tmp, p, "-F", 499, seconds=3).stacks()
    hottest = share(found, lambda f: f == "main.hottest")
    assert 0.65 < hottest < 0.85, hottest
    assert share(found, lambda f: f == "main.main") > 0.95


@test
def the_capture_is_whole_for_go_tool_pprof(tmp):
    """The stock tool must not look the symbols up again: in a stripped binary it would lose the inlined frames."""
    with program("inline", NEWEST, "stripped-pie") as p:
        c = record(tmp, p, "-F", 499)
    r = subprocess.run(["go", "tool", "pprof", "-traces", c.file("cpu")], capture_output=True, text=True, env=programs.go_env("", False), timeout=120)
    assert r.returncode == 0, r.stderr
    assert re.search(r"main\.leaf \(inline\)\n\s+main\.middle \(inline\)\n\s+main\.top \(inline\)", r.stdout), r.stdout[:2000]


@test
def deep_and_mutual_recursion(tmp):
    with program("recursion", NEWEST, "stripped") as p:
        found = record(tmp, p, "-F", 499).stacks()
    assert max(sum(f == "main.deep" for f in frames) for frames, _ in found) > 50
    assert any("main.even;main.odd;main.even;main.odd" in ";".join(frames) for frames, _ in found)


@test
def generic_names(tmp):
    with program("generics", NEWEST, "stripped") as p:
        found = record(tmp, p, "-F", 499).stacks()
    assert any(re.match(r"main\.sum\[", f) for frames, _ in found for f in frames), found[:5]
    assert has(found, "main.main.func1"), "the closure"


@test
def c_called_from_go_and_go_from_c(tmp):
    with program("cgo", NEWEST, "plain") as p:
        found = record(tmp, p, "-F", 499).stacks()
    assert has(found, "c_burn"), found[:5]
    assert share(found, lambda f: f == "c_burn") > 0.4


@test
def kernel_frames_of_system_calls(tmp):
    if os.geteuid() != 0:
        raise Skip("kernel stacks need root here")
    with program("syscalls", NEWEST, "stripped") as p:
        found = record(tmp, p, "-F", 499).stacks()
    assert has(found, "main.readZeros")
    kernel = [frames for frames, _ in found if "main.readZeros" in frames and not frames[-1].startswith(("main.", "syscall.", "runtime.", "internal/", "os."))]
    assert kernel, "no kernel frame under main.readZeros"


@test
def collector_work_is_seen(tmp):
    with program("gc", NEWEST, "stripped") as p:
        found = record(tmp, p, "-F", 499).stacks()
    assert share(found, lambda f: f == "runtime.gcBgMarkWorker" or f.startswith("runtime.gcDrain")) > 0.1


@test
def callers_of_functions_without_a_frame(tmp):
    for version, variant in [(NEWEST, "stripped-pie"), ("1.19.13", "plain")]:
        with program("copies", version, variant) as p:
            found = record(tmp, p, "-F", 499).stacks()
        moves = [(frames[frames.index("runtime.memmove") - 1], v) for frames, v in found if "runtime.memmove" in frames]
        right = sum(v for caller, v in moves if caller == "main.copyAll")
        assert moves and right / sum(v for _, v in moves) > 0.98, moves
        calls = [frames for frames, _ in found if "main.asker" in frames and any("yscall6" in f for f in frames)]
        for frames in calls:
            assert "RawSyscall" in frames[next(i for i, f in enumerate(frames) if "yscall6" in f) - 1], frames


@test
def threads_that_are_born_meanwhile(tmp):
    if os.geteuid() != 0:
        raise Skip("needs root for both ways")
    for scope in "cpus", "threads":
        with program("births", NEWEST, "stripped") as p:
            ticks = lambda: sum(int(x) for x in pathlib.Path(f"/proc/{p.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
            start, before = time.monotonic(), ticks()
            found = record(tmp, p, "-F", 999, "--scope", scope).stacks()
            used = (ticks() - before) / (time.monotonic() - start)
        taken = sum(v for _, v in found) / 1e9 / 2
        assert share(found, lambda f: f == "main.burn") > 0.8
        assert 0.6 * used < taken < 1.4 * used, f"{scope}: {taken:.2f} s of CPU a second in samples, {used:.2f} s in /proc"


@test
def a_process_of_a_container(tmp):
    """A control group that looks like docker's, and a PID namespace."""
    groups = [g for g in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup") if os.access(f"{g}/cgroup.procs", os.W_OK)]
    if os.geteuid() != 0 or not groups:
        raise Skip("needs root and control groups")
    ident = os.urandom(32).hex()
    group = pathlib.Path(groups[0]) / f"docker-{ident}.scope"
    try:
        group.mkdir()
    except OSError as e:
        raise Skip(str(e))
    try:
        exe = programs.binary("inline", NEWEST, "stripped")
        if subprocess.run(["unshare", "-pf", "--mount-proc", "true"], capture_output=True).returncode != 0:
            raise Skip("no namespaces here")
        with Target(["unshare", "-pf", "--mount-proc", "--kill-child", exe, "30s"]) as p:
            inner = int(subprocess.run(["pgrep", "-P", str(p.pid)], capture_output=True, text=True).stdout.split()[0])
            try:
                (group / "cgroup.procs").write_text(str(inner))
            except OSError as e:
                raise Skip(str(e))
            listed = json.loads(gospect("ps", "--format", "json").stdout)["processes"]
            mine = next(x for x in listed if x["pid"] == inner)
            assert mine["container"] == ident and mine["runtime"] == "docker" and mine["ns_pid"] == 1, mine
            c = record(tmp, ident[:10], "-F", 499)
        assert c.info["process"]["pid"] == inner and c.info["process"]["container"] == ident
        assert share(c.stacks(), lambda f: f == "main.main") > 0.9
    finally:
        for _ in range(50):
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.1)


@test
def a_program_whose_file_is_replaced(tmp):
    exe = tmp / "service"
    exe.write_bytes(programs.binary("inline", NEWEST, "stripped").read_bytes())
    exe.chmod(0o755)
    with Target([exe, "30s"]) as p:
        exe.unlink()
        exe.write_text("#!/bin/sh\n")
        found = record(tmp, p, "-F", 499).stacks()
    assert share(found, lambda f: f == "main.main") > 0.9


@test
def nothing_on_the_cpu_is_not_an_error(tmp):
    with program("blocked", NEWEST, "stripped") as p:
        info = record(tmp, p, seconds=1, ok=(0, 1)).info
    assert info["state"] == "done", info


def some_samples(perf_data):
    """A dozen or more: on a busy machine the program may get little of it."""
    return perf_data.stat().st_size > 3000


def interrupted(tmp, signals):
    perf_allowed()
    with program("hot", NEWEST, "stripped-pie") as p:
        folder = tmp / "capture"
        r = subprocess.Popen([GOSPECT, "record", str(p.pid), "-q", "-d", "10m", "-o", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
        wait_for("the recording to begin", lambda: (folder / "perf.data").exists())
        time.sleep(1.5)
        wait_for("samples", lambda: some_samples(folder / "perf.data"))
        start = time.monotonic()
        for s in signals:
            r.send_signal(s)
        out, err = r.communicate(timeout=100)
        took = time.monotonic() - start
    assert r.returncode == 0, f"exit {r.returncode}: {out} {err}"
    assert took < 90, took
    c = Capture(folder)
    assert c.info["state"] == "done", c.info
    assert has(c.stacks(), "main.hottest")
    assert 1e9 < c.info["duration_ns"] < 200e9, c.info["duration_ns"]


@test
def ctrl_c_keeps_what_was_taken(tmp):
    interrupted(tmp, [signal.SIGINT])


@test
def ctrl_c_ends_the_recording_of_ui_not_ui(tmp):
    perf_allowed()
    with program("hot") as t:
        with subprocess.Popen([GOSPECT, "ui", str(t.pid), "--no-browser", "--duration", "10m"], cwd=tmp, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ui:
            try:
                wait_for("samples", lambda: any(map(some_samples, tmp.glob("*/perf.data"))))
                ui.send_signal(signal.SIGINT)
                assert ui.stdout.readline().startswith("http://127.0.0.1:")
                ui.send_signal(signal.SIGINT)
                assert ui.wait(120) == 0
            finally:
                ui.kill()
        assert has(Capture(next(tmp.glob("*/capture.json")).parent).stacks(), "main.hottest")


@test
def sigterm_keeps_what_was_taken(tmp):
    interrupted(tmp, [signal.SIGTERM])


@test
def target_that_ends_keeps_what_was_taken(tmp):
    perf_allowed()
    with program("hot", NEWEST, "stripped-pie", seconds=6) as p:
        start = time.monotonic()
        c = record(tmp, p, seconds=600)
        assert time.monotonic() - start < 300
    assert has(c.stacks(), "main.hottest")


@test
def target_that_is_killed_keeps_what_was_taken(tmp):
    perf_allowed()
    with program("hot", NEWEST, "stripped") as p:
        folder = tmp / "capture"
        r = subprocess.Popen([GOSPECT, "record", str(p.pid), "-q", "-d", "10m", "-o", folder], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for("the recording to begin", lambda: (folder / "perf.data").exists())
        time.sleep(1.5)
        wait_for("samples", lambda: some_samples(folder / "perf.data"))
        p.process.kill()
        assert r.wait(120) == 0
    assert has(Capture(folder).stacks(), "main.hottest")


@test
def a_command_from_its_first_instruction(tmp):
    perf_allowed()
    exe = programs.binary("hot", NEWEST, "stripped")
    gospect("record", "-q", "-o", tmp / "capture", "--", exe, "2s")
    assert has(Capture(tmp / "capture").stacks(), "main.hottest")


@test
def exit_status_of_a_command_is_ours(tmp):
    perf_allowed()
    gospect("record", "-q", "-o", tmp / "capture", "--", "sh", "-c", "exit 7", ok=(7,))


@test
def no_such_process(tmp):
    r = gospect("record", 2 ** 22 - 1, "-q", "-o", tmp / "capture", ok=(2, 3, 4))
    assert str(2 ** 22 - 1) in r.stderr, r.stderr
    assert not (tmp / "capture").exists()


@test
def perf_samples_of_a_container_lie_on_its_trace(tmp):
    """perf numbers threads as this machine does, the trace as they are called inside."""
    perf_allowed()
    if os.geteuid() != 0 or subprocess.run(["unshare", "-pf", "--mount-proc", "true"], capture_output=True).returncode != 0:
        raise Skip("no namespaces here")
    with shop():
        pass
    with Target(["unshare", "-pf", "--mount-proc", "--kill-child", OUT / "shop", "-load", "-duration", "60s"]) as p:
        inner = int(subprocess.run(["pgrep", "-P", str(p.pid)], capture_output=True, text=True).stdout.split()[0])
        gospect("record", inner, "-q", "-d", "3s", "-F", 499, "--only", "trace,cpu", "-o", tmp / "capture")
    assert f"{inner} 1" in (tmp / "capture/threads.txt").read_text().splitlines()
    info = json.loads(gospect("info", tmp / "capture", "--part", "trace", "--format", "json").stdout)
    over = next((o for o in info["trace"]["overlays"] if o["name"] == "perf.data"), None)
    assert over and over["has_times"] and over["samples"] > 0, info.get("warnings")


@test
def a_process_of_another_root(tmp):
    """As in a container: the path of the program means another file, or none, on our side."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    exe = programs.binary("inline", NEWEST, "stripped")
    root = tmp / "root"
    (root / "opt").mkdir(parents=True)
    (root / "opt/service").write_bytes(exe.read_bytes())
    (root / "opt/service").chmod(0o755)
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", str(root), "/opt/service", "30s"]
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode != 0:
        raise Skip("no namespaces here")
    with Target(argv) as p:
        def inner():
            for d in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if os.readlink(d / "root") == str(root) and (d / "comm").read_text().strip() == "service":
                        return int(d.name)
                except OSError:
                    pass
            return None
        wait_for("the service", inner)
        found = record(tmp, inner(), "-F", 499).stacks()
    assert has(found, "main.leaf") and has(found, "main.top"), found[:3]


@test
def ps_knows_the_process(tmp):
    with program("hot", "1.22.12", "stripped-pie") as p:
        listed = json.loads(gospect("ps", "--format", "json").stdout)["processes"]
        mine = next((x for x in listed if x["pid"] == p.pid), None)
        text = gospect("ps", "--no-cpu").stdout
    assert mine, f"{p.pid} is not listed"
    assert f"{mine['module']}@{mine['module_version']} " in text, text
    assert mine["go_version"] == "go1.22.12" and mine["module"].startswith("example.com/live"), mine


@test
def a_stopped_process_is_not_one_without_an_endpoint(tmp):
    with shop_with_pages(1) as s:
        s.process.send_signal(signal.SIGSTOP)
        try:
            listed = json.loads(gospect("ps", "--no-cpu", "--format", "json").stdout)["processes"]
            mine = next(x for x in listed if x["pid"] == s.pid)
            assert mine["is_stopped"] and not mine["pprof"], mine
            row = next(x for x in gospect("ps", "--no-cpu").stdout.splitlines() if x.split()[0] == str(s.pid))
            assert "  stopped  " in row, row
            r = subprocess.run([GOSPECT, "record", str(s.pid), "--only", "heap", "-d", "1s", "-o", tmp / "c"], capture_output=True, text=True)
            assert r.returncode != 0 and f"kill -CONT {s.pid}" in r.stderr and not (tmp / "c").exists(), r.stderr
            assert any("stopped" in n for n in record(tmp, s).info["notes"])
        finally:
            s.process.send_signal(signal.SIGCONT)


@test
def the_shop_by_pid_with_its_own_endpoint(tmp):
    with shop_with_pages(2000) as s:
        c = record(tmp, s, seconds=3)
        listed = json.loads(gospect("ps", "--format", "json").stdout)["processes"]
        assert (next(x for x in listed if x["pid"] == s.pid)["pprof"] or "").startswith(s.url), listed
    kinds = {p["kind"] for p in c.info["parts"] if p["state"] == "done"}
    assert {"perf", "cpu", "heap", "mutex", "block"} <= kinds, c.info["parts"]
    found = c.stacks()
    assert share(found, lambda f: f == "example.com/shop/catalog.(*Catalog).Search") > 0.1
    heap = stacks(c.file("heap"))
    assert has(heap, "example.com/shop/page.(*Pages).Render")
    assert has(stacks(c.file("mutex")), "example.com/shop/cart.(*Carts).Add")


@test
def the_shop_by_url(tmp):
    with shop() as s:
        gospect("record", s.url, "-q", "-d", "2s", "-o", tmp / "capture")
    c = Capture(tmp / "capture")
    kinds = {p["kind"] for p in c.info["parts"] if p["state"] == "done"}
    assert {"cpu", "heap", "mutex", "block"} <= kinds, c.info["parts"]
    assert share(c.stacks(), lambda f: f.startswith("example.com/shop/")) > 0.2


def why_of(tmp, *shop_args):
    """What the trace operations say of a shop that is asked for one route only."""
    with shop("-clients", "16", "-think", "0", *shop_args) as s:
        time.sleep(0.5)
        gospect("record", s.url, "-q", "-d", "2s", "--only", "trace,cpu", "-o", tmp / "capture")
    def ask(*args):
        return json.loads(gospect(*args, "--format", "json", tmp / "capture").stdout)
    return ask


def named(place, name):
    return place is not None and place["name"] == name


@test
def a_planted_lock_convoy_is_named_with_its_peer(tmp):
    ask = why_of(tmp, "-only", "/cart")
    add = "example.com/shop/cart.(*Carts).Add"
    place = next(p for p in ask("contention", "-n", "0")["places"] if named(p["at"], add))
    assert place["is_convoy"] and named(place["waker_at"], add), place
    why = ask("why", "-n", "0")
    assert why["kind"] == "request" and why["count"] > 100, why["kind"]
    lock = next(b for b in why["blockers"] if b["reason"] == "sync")
    assert named(lock["at"], add) and named(lock["waker"], add) and lock["waker_goroutine"] == "net/http.(*conn).serve", lock
    # Of the slowest requests one waits for that lock, and its path goes on in who held it.
    for rank in range(1, 30):
        steps = ask("critical-path", "--rank", rank)["steps"]
        waits = [i for i, s in enumerate(steps) if s["reason"] == "sync" and named(s["at"], add) and s["is_followed"]]
        if waits:
            break
    assert waits, "no slow request waits for the lock"
    wait = steps[waits[0]]
    inner = [s for s in steps[waits[0] + 1:] if wait["start_ns"] <= s["start_ns"] < wait["end_ns"] and s["depth"] > wait["depth"]]
    assert named(wait["waker_at"], add) and inner and inner[0]["goroutine"] != wait["goroutine"], (wait, inner[:3])
    told = sum(s["end_ns"] - s["start_ns"] for s in steps if not s["is_followed"])
    assert told == steps[-1]["end_ns"] - steps[0]["start_ns"], "the steps do not add up"


@test
def planted_garbage_is_named(tmp):
    ask = why_of(tmp, "-only", "/report")
    why = ask("why", "-n", "0")
    collector = sum(p["total_ns"] for p in why["parts"] if p["is_collector"]) + why["assist_ns"]
    assert collector > 0.1 * why["total_ns"], why["parts"]
    sales = [c for c in why["causes"] + why["blockers"] if c["at"] and c["at"]["name"].startswith("example.com/shop/report.")]
    assert sales, why["causes"][:5]


@test
def a_planted_slow_handler_is_named(tmp):
    ask = why_of(tmp, "-only", "/search")
    why = ask("why", "-n", "0", "--request", "Search")
    assert why["count"] > 20 and why["slowest"][0]["name"] == "example.com/shop/catalog.(*Catalog).Search", why["slowest"][:3]
    running = [c for c in why["causes"] if c["state"] == "running" and c["at"] and not c["is_other"]]
    names = {c["at"]["name"] for c in running[:8]}
    assert any(n.startswith(("example.com/shop/catalog.", "regexp.")) for n in names), names


@test
def a_trace_of_a_running_process_without_a_file(tmp):
    with shop() as s:
        text = gospect("sched", "--duration", "1s", s.pid).stdout
        told = json.loads(gospect("events", "--duration", "1s", "--format", "json", "--kind", "log,gomaxprocs,range-begin", "-n", "5", s.url).stdout)
    assert "net/http.(*conn).serve" in text, text
    assert told["count"] > 0


@test
def goroutines_out_of_the_memory(tmp):
    """Stripped, no endpoint: the stacks, states and creators that Go's own dump has. Of a process and of its core."""
    wanted = {"main.onReceive": ("chan receive", 20), "main.onSelect": ("select", 20), "main.onSend": ("chan send", 1),
              "main.onLock": ("sync.Mutex.Lock", 1), "main.onWait": ("sync.WaitGroup.Wait", 1), "os.(*File).Read": ("IO wait", 1)}
    old_names = {"semacquire": ("sync.Mutex.Lock", "sync.WaitGroup.Wait")}
    for version in ("", "1.19.13"):
        try:
            t = program("blocked", version, "stripped-pie")
        except programs.Unavailable as e:
            print("#", e)
            continue
        with t:
            def groups(what):
                return json.loads(gospect("goroutines", "-n", 0, "--format", "json", "--match", r"^main\.on", what).stdout)["groups"]
            wait_for("all to wait", lambda: sum(g["count"] for g in groups(t.pid)) == 44)
            core = tmp / "blocked.core"
            gospect("snapshot", t.pid, "-q", "-o", core)
            for found in (groups(t.pid), groups(core)):
                for g in found:
                    names = [f["name"] for f in g["stack"]]
                    function = next(n for n in names if n in wanted)
                    state, count = wanted[function]
                    assert (g["state"] == state or state in old_names.get(g["state"], ())) and g["count"] == count, g
                    assert g["creator"]["name"] == "main.main" and not any(n.startswith("runtime.") for n in names), g
                assert len(found) == len(wanted), found


@test
def perf_samples_lie_on_the_goroutines_of_the_trace(tmp):
    """One recording has both: what perf saw on a thread belongs to the goroutine that the trace says was there."""
    perf_allowed()
    with shop() as s:
        gospect("record", s.pid, "-q", "-d", "3s", "-F", 499, "--only", "trace,cpu", "-o", tmp / "capture")
    ask = lambda op, *a: json.loads(gospect(op, tmp / "capture", "--part", "trace", "--format", "json", *a).stdout)
    over = next(o for o in ask("info")["trace"]["overlays"] if o["name"] == "perf.data")
    assert over["has_times"] and over["samples"] > 50 and over["outside"] < over["samples"] - 50, over
    rows = ask("samples", "-s", "cpu", "--limit", "0", "--stacks")["rows"]
    assert len(rows) == over["samples"] - over["outside"], (len(rows), over)
    placed = fits = 0
    for r in rows:
        group = next((l["value"] for l in r["labels"] if l["key"] == "group"), None)
        names = [f["name"] for f in r["stack"]]
        if group is None or not any(n.startswith("net/http.") for n in names):
            continue
        placed += 1
        fits += group in names
    # A few land while a thread goes from one goroutine to the next.
    assert placed > 10 and fits > 0.8 * placed, (fits, placed)
    if os.geteuid() == 0:
        entries = ("do_syscall_64", "el0_svc")
        assert any(r["goroutine"] and any(f["name"] in entries for f in r["stack"]) for r in rows), "no kernel frame on any goroutine"
    middle = ask("lanes", "--limit", "1")["duration_ns"] // 2
    halves = [ask("top", "-s", "cpu", "-n", "1", "--time", t)["total"] for t in (f"0ns..{middle}ns", f"{middle}ns..")]
    assert sum(halves) == ask("top", "-s", "cpu", "-n", "1")["total"], halves
    named = json.loads(gospect("top", tmp / "capture/trace.out", "--overlay", tmp / "capture/perf.data", "-s", "cpu", "-n", "1", "--format", "json").stdout)
    assert named["total"] == sum(halves)


@test
def a_trace_is_bounded_by_size(tmp):
    config = tmp / "config"
    config.write_text("trace.max_events = 40000   # about 200 kB\ntrace.duration = 5s\n")
    with shop("-clients", "16", "-think", "0") as s:
        gospect("record", s.url, "-q", "-d", "3s", "--only", "trace", "-o", tmp / "capture", env=dict(os.environ, GOSPECT_CONFIG=str(config)))
    part = Capture(tmp / "capture").part("trace")
    assert part["size_bytes"] >= 200000 and "ended at the limit" in part["note"], part
    # The program was asked to end it there, so that it is whole.
    trace = json.loads(gospect("info", "--format", "json", tmp / "capture/trace.out").stdout)["trace"]
    assert trace["generations"] >= 1 and not trace["damage"] and not trace["is_cut"], trace


if __name__ == "__main__":
    sys.exit(run_all())
