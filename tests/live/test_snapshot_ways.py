#!/usr/bin/env python3
"""Snapshots of processes that do not make it easy, and of machines that are full. TAP, one test per function: names as arguments choose.

Whatever happens, the target goes on, untraced, with all its threads and no child; what this machine cannot set up is skipped with the reason.
"""
import ctypes
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

import programs
from live import GOSPECT, OUT, Skip, Target, gospect, program, run_all, test, wait_for

LIBC = ctypes.CDLL(None, use_errno=True)


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def children_of(pid):
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            found += pathlib.Path(f"/proc/{pid}/task/{tid}/children").read_text().split()
        except OSError:
            pass  # a thread that has ended
    return found


def watchers(pid):
    """What watches its writes: descriptors, mappings."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += [fd] * ("userfaultfd" in os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass  # closed meanwhile
    return found + re.findall(r"^VmFlags:.*\buw\b.*", pathlib.Path(f"/proc/{pid}/smaps").read_text(), re.M)


def unharmed(t):
    """It runs on, nobody holds it, no child of it is there and nobody watches its memory; a guard that lost its gospect needs a moment."""
    def is_well():
        assert t.process.poll() is None, f"the target ended with {t.process.returncode}"
        tids = os.listdir(f"/proc/{t.pid}/task")
        states = []
        for tid in tids:
            try:
                states.append(status(f"{t.pid}/task/{tid}"))
            except OSError:
                pass
        held = [s for s in states if s["TracerPid"] != "0" or s["State"][0] in "tTZX"]
        return not held and not children_of(t.pid) and not watchers(t.pid)
    wait_for("the target to be as before", is_well)


def taken(t, tmp, *args, wrap=(), ok=(0,)):
    """A snapshot as JSON, or the error text."""
    r = subprocess.run([*wrap, GOSPECT, "snapshot", str(t.pid), "-q", "--format", "json", "-o", str(tmp / "s.core"), *args], capture_output=True, text=True,
                       timeout=120, stdin=subprocess.DEVNULL)
    assert r.returncode in ok, f"exit {r.returncode}: {r.stderr}"
    unharmed(t)
    return json.loads(r.stdout) if r.returncode == 0 else r.stderr


def precopy():
    """The way that a new kernel has, or nothing."""
    r = subprocess.run([GOSPECT, "snapshot", str(os.getpid()), "--how", "precopy", "--max-pause", "1ns", "-o", "/dev/null"], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL)
    return () if "6.7" in r.stderr or "amd64 only" in r.stderr else ("precopy",)


def needs_precopy():
    if not precopy():
        raise Skip("writes can be watched on amd64 with Linux 6.7 or newer")


class Core:
    """The memory in an ELF core."""

    def __init__(self, path):
        self.file = open(path, "rb")
        header = self.file.read(64)
        at, size, n = struct.unpack_from("<Q", header, 32)[0], *struct.unpack_from("<HH", header, 54)
        self.loads = []
        for i in range(n):
            self.file.seek(at + i * size)
            kind, _, offset, address, _, in_file, _, _ = struct.unpack("<IIQQQQQQ", self.file.read(56))
            if kind == 1:
                self.loads.append((address, in_file, offset))

    def words(self, address, n):
        for start, size, offset in self.loads:
            if start <= address and address + 8 * n <= start + size:
                self.file.seek(offset + address - start)
                return struct.unpack(f"<{n}Q", self.file.read(8 * n))
        raise AssertionError(f"{address:#x} is not in the core")


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def needs(name):
    path = shutil.which(name)
    if not path:
        raise Skip(f"no {name} here")
    return path


@test
def max_pause_refuses_beforehand(tmp):
    with program("hot") as t:
        assert "more than the 0.0 ms allowed" in taken(t, tmp, "--max-pause", "1us", ok=(3,))
        assert not list(tmp.iterdir())
        assert taken(t, tmp, "--max-pause", "10s")["predicted_pause_ns"] > 0


@test
def a_traced_process_is_refused(tmp):
    PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
    with program("blocked") as t:
        if LIBC.ptrace(PTRACE_SEIZE, t.pid, None, None) != 0:
            raise Skip("this process may not trace")
        r = gospect("snapshot", t.pid, "-o", tmp / "s.core", ok=(4,))
        assert f"traced by process {os.getpid()}" in r.stderr, r.stderr
        LIBC.ptrace(PTRACE_INTERRUPT, t.pid, None, None)
        os.waitpid(t.pid, WALL)
        assert LIBC.ptrace(PTRACE_DETACH, t.pid, None, None) == 0
        taken(t, tmp)


@test
def an_ended_process_is_refused(tmp):
    p = subprocess.Popen(["true"])
    wait_for("a zombie", lambda: status(p.pid)["State"][0] == "Z")
    assert str(p.pid) in gospect("snapshot", p.pid, "-o", tmp / "s.core", ok=(3,)).stderr
    p.wait()


@test
def in_a_pid_namespace(tmp):
    needs_root()
    exe = programs.binary("blocked", "", "plain", OUT)
    outer = subprocess.Popen([needs("unshare"), "--pid", "--fork", "--kill-child", str(exe), "300s"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if not outer.stdout.readline():
            raise Skip(f"unshare: {outer.stderr.read()}")
        inner = int(pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()[0])
        assert status(inner)["NSpid"].split()[-1] == "1"

        class Inner:
            pid, process = inner, outer
        for how in ("fork", "copy", *precopy()):
            assert taken(Inner, tmp, "--how", how)["how"] == how
    finally:
        outer.kill()
        outer.wait()
        outer.stdout.close()
        outer.stderr.close()


@test
def of_a_program_whose_file_is_gone(tmp):
    """Deleted, or a container's: its path is none on our side, or another program's."""
    exe = programs.binary("blocked", "", "plain", OUT)
    mine = tmp / "mine"
    mine.write_bytes(exe.read_bytes())
    mine.chmod(0o755)
    with Target([mine, "300s"]) as t:
        mine.unlink()
        for other in (None, pathlib.Path("/bin/true")):
            if other:
                mine.write_bytes(other.read_bytes())
            assert "main.main" in gospect("goroutines", t.pid).stdout
            assert str(mine) in gospect("heap", "summary", t.pid).stdout
            assert gospect("leaks", t.pid, ok=(0, 1)).stdout
        unharmed(t)
        taken(t, tmp)
        wrong = gospect("heap", "summary", tmp / "s.core", ok=(3,)).stderr
        assert "--binary" in wrong, wrong
        assert "live objects" in gospect("heap", "summary", "--binary", exe, tmp / "s.core").stdout


@test
def many_threads_cost_little_memory(tmp):
    """Stacks of 8 MB with a page or two in use: our copy has no large pages for them."""
    code = "import threading, time\nfor i in range(400): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('up', flush=True)\ntime.sleep(60)"
    with Target([sys.executable, "-c", code]) as t:
        p = subprocess.Popen([GOSPECT, "snapshot", str(t.pid), "-q", "-o", str(tmp / "s.core")], stdout=subprocess.DEVNULL)
        _, code, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(code)
        assert p.returncode == 0
        assert used.ru_maxrss < 200 << 10, f"{used.ru_maxrss} kB"
        unharmed(t)


@test
def a_goroutine_in_a_signal_handler(tmp):
    """What it did before is in the kernel's frame on the signal stack."""
    needs("gcc")
    exe = tmp / "handler"
    r = subprocess.run(["go", "build", "-o", exe, "./handler"], cwd=programs.HERE, env=programs.go_env("", True), capture_output=True, text=True)
    if r.returncode != 0:
        raise Skip(r.stderr)
    # Nothing may take the goroutine off its thread before the signal comes.
    with Target([exe], env=dict(os.environ, GODEBUG="asyncpreemptoff=1", GOMAXPROCS="4")) as t:
        found = [g for g in json.loads(gospect("goroutines", "--format", "json", t.pid).stdout)["groups"] if g["state"] == "running"]
        assert [f["name"] for g in found for f in g["stack"]][:2] == ["main.hot", "main.caller"], found


def forbid_children():
    """A seccomp filter that kills whoever forks or waits; threads may be made."""
    def stmt(code, k, jt=0, jf=0):
        return struct.pack("HBBI", code, jt, jf, k)
    LD, JEQ, JSET, RET = 0x20, 0x15, 0x45, 0x06
    KILL, ALLOW = 0x80000000, 0x7FFF0000
    program_ = b"".join([
        stmt(LD, 0),              # the call's number
        stmt(JEQ, 61, 4, 0),      # wait4
        stmt(JEQ, 56, 0, 2),      # clone
        stmt(LD, 16),             # its flags
        stmt(JSET, 0x100, 0, 1),  # CLONE_VM
        stmt(RET, ALLOW),
        stmt(RET, KILL),
    ])
    buf = ctypes.create_string_buffer(program_)
    prog = struct.pack("HxxxxxxP", len(program_) // 8, ctypes.addressof(buf))
    LIBC.prctl(38, 1, 0, 0, 0)
    if LIBC.prctl(22, 2, ctypes.c_char_p(prog), 0, 0) != 0:
        os._exit(99)


@test
def under_a_seccomp_filter(tmp):
    """With CAP_SYS_ADMIN the filter is held off while a call is lent; without it the memory is copied while it stands."""
    if os.uname().machine != "x86_64":
        raise Skip("the filter is for amd64")
    with Target([programs.binary("blocked", "", "plain", OUT), "300s"], preexec_fn=forbid_children) as t:
        assert status(t.pid)["Seccomp"] == "2"
        taken(t, tmp)
        if os.geteuid() == 0:
            taken(t, tmp, "--how", "fork", ok=(0, 4))
            without = [needs("setpriv"), "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
        else:
            without = []
        a = taken(t, tmp, wrap=without)
        assert a["how"] == "copy" and "seccomp" in a["why"], a
        assert "seccomp" in taken(t, tmp, "--how", "fork", wrap=without, ok=(4,))


@test
def of_a_user_without_privilege(tmp):
    """Of a process of its own, with the home of somebody else in its environment."""
    needs_root()
    tmp.chmod(0o755)
    home = tmp / "home"
    (home / ".config/gospect").mkdir(parents=True)
    home.chmod(0o700)
    exe = tmp / "gospect"
    shutil.copy(GOSPECT, exe)
    run = [needs("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    place = tmp / "place"
    place.mkdir()
    place.chmod(0o777)
    with server(tmp, 64, run) as t:
        for how in (*precopy(), "fork", "copy"):
            r = subprocess.run([*run, exe, "snapshot", str(t.pid), "-q", "--how", how, "--format", "json", "-o", place / "s.core"], capture_output=True, text=True,
                               timeout=60, env=dict(os.environ, HOME=str(home), XDG_CONFIG_HOME=""))
            slept = "no thread slept" not in r.stderr
            assert r.returncode == 0 and json.loads(r.stdout)["how"] == how if slept else how != "copy", (how, r.returncode, r.stdout, r.stderr)
            unharmed(t)


class MemoryGroup:
    """A control group with a limit; the first kind that this machine has."""

    def __init__(self, limit):
        needs_root()
        name = f"gospect-test-{os.getpid()}"
        for root, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            self.path = pathlib.Path(root) / name
            try:
                self.path.mkdir()
            except OSError:
                continue
            try:
                (self.path / file).write_text(str(limit))
                return
            except OSError:
                self.path.rmdir()
        raise Skip("no memory control group can be made here")

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        wait_for("the control group to be empty", lambda: not (self.path / "cgroup.procs").read_text().strip())
        for _ in range(50):
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.1)


def server(tmp, mb, run=(), **kw):
    exe = tmp / "server"
    if not exe.exists():
        subprocess.run(["go", "build", "-o", exe, "./snapshot"], cwd=programs.HERE, check=True)
    return Target([*run, exe, str(mb)], **kw)


@test
def in_a_tight_memory_group(tmp):
    """A child's pages would be charged to the group: the memory is copied into ours, while it runs where that can be."""
    with MemoryGroup(224 << 20) as group, server(tmp, 160, preexec_fn=group.enter) as t:
        a = taken(t, tmp)
        assert a["how"] == "precopy" if precopy() else a["how"] == "copy" and "control group" in a["why"], a
        assert "control group" in taken(t, tmp, "--how", "fork", ok=(4,))


@test
def gospect_itself_in_a_tight_group(tmp):
    """It refuses, instead of having the machine kill somebody."""
    with server(tmp, 160) as t, MemoryGroup(64 << 20) as group:
        r = subprocess.run([GOSPECT, "snapshot", str(t.pid), "-q", "-o", str(tmp / "s.core")], capture_output=True, text=True, timeout=60, preexec_fn=group.enter)
        assert r.returncode == 3 and "control group that gospect runs in" in r.stderr, (r.returncode, r.stderr)
        unharmed(t)


@test
def a_full_disk(tmp):
    needs_root()
    needs("unshare")
    small = tmp / "small"
    small.mkdir()
    with server(tmp, 64) as t:
        script = f"mount -t tmpfs -o size=4m none {small} || exit 77; {GOSPECT} snapshot {t.pid} -q -o {small}/s.core; code=$?; ls -A {small}; exit $code"
        r = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60)
        if r.returncode == 77 or "unshare" in r.stderr:
            raise Skip(r.stderr)
        assert r.returncode == 4 and "No space left" in r.stderr and not r.stdout, (r.returncode, r.stdout, r.stderr)
        unharmed(t)


@test
def interrupted_leaves_no_file(tmp):
    rng = random.Random(1)
    out = tmp / "out"
    out.mkdir()
    with server(tmp, 64) as t:
        for i in range(12):
            sig = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[i % 3]
            p = subprocess.Popen([GOSPECT, "snapshot", str(t.pid), "-q", "-o", str(out / "s.core")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.random() * 0.3)
            p.send_signal(sig)
            code = p.wait(60)
            unharmed(t)
            left = [f.name for f in out.iterdir()]
            assert left in ([], ["s.core"]), left
            if left:
                assert code == 0 or sig == signal.SIGKILL, code
                gospect("heap", "summary", out / "s.core", ok=(0, 3))
                (out / "s.core").unlink()


@test
def a_killed_guard_is_replaced(tmp):
    """Nothing is written that may be of different moments, and the target goes on."""
    with server(tmp, 64) as t:
        p = subprocess.Popen([GOSPECT, "snapshot", str(t.pid), "--how", "fork", "-q", "-o", str(tmp / "s.core")], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
        guards = []
        while p.poll() is None and not guards:
            guards = children_of(p.pid)
        # The child is there when a core's worth of memory is being read: its parent is the target.
        while p.poll() is None and not children_of(t.pid):
            pass
        time.sleep(0.01)
        try:
            os.kill(int(guards[0]), signal.SIGKILL)
        except (ProcessLookupError, IndexError):
            pass  # it was faster
        error = p.communicate(timeout=60)[1]
        if p.returncode != 0:
            assert "guards a snapshot" in error and not (tmp / "s.core").exists(), error
        assert t.process.poll() is None
        gospect("snapshot", t.pid, "-q", "-o", tmp / "t.core")


@test
def a_killed_watch_is_not_missed(tmp):
    """Another way is taken, or the whole memory is copied while the target stands: the core is of one moment."""
    needs_precopy()
    exe = programs.binary("moment", "", "plain", OUT)
    rng = random.Random(1)
    with Target([exe]) as t:
        for _ in range(10):
            p = subprocess.Popen([GOSPECT, "snapshot", str(t.pid), "-q", "-o", str(tmp / "s.core")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            guards = []
            while p.poll() is None and not guards:
                guards = children_of(p.pid)
            time.sleep(rng.random() * 0.05)
            try:
                os.kill(int(guards[0]), signal.SIGKILL)
            except (ProcessLookupError, IndexError):
                pass  # it was faster
            error = p.communicate(timeout=60)[1]
            if p.returncode == 0:
                of_one_moment(t, tmp / "s.core")
                (tmp / "s.core").unlink()
            else:
                assert "guards a snapshot" in error, error
            unharmed(t)


def of_one_moment(t, path):
    """What the program moment promises of its memory."""
    pages, blocks, state, table, grown = (int(x, 16) for x in t.line.split()[2:])
    core = Core(path)
    rounds = [core.words(pages + 4096 * i, 1)[0] for i in range(4096)]
    falls = [i for i in range(1, 4096) if rounds[i] != rounds[i - 1]]
    assert len(falls) <= 1 and all(rounds[i] == rounds[i - 1] - 1 for i in falls), [(i, rounds[i - 1], rounds[i]) for i in falls[:10]]
    for i, is_now in enumerate(core.words(state, 16)):
        if is_now:
            assert set(core.words(blocks + i * 64 * 4096, 64 * 512)) == {0 if is_now == 1 else 2**64 - 1}, f"block {i} in state {is_now}"
    pairs = core.words(table, 128)
    seen = 0
    for address, number in zip(pairs[::2], pairs[1::2]):
        if address:
            assert set(core.words(address, 4 * 512)) == {number}, f"the mapping at {address:#x}"
            seen += 1
    assert seen, "no mapping in the table"
    n_grown, = core.words(state + 16 * 8, 1)
    for i in range(n_grown):
        assert set(core.words(grown + i * 4096, 512)) == {i + 1}, f"page {i} of {n_grown} that came one by one"


@test
def a_core_is_of_one_moment(tmp):
    """While it writes, gives memory back and maps other memory."""
    with Target([programs.binary("moment", "", "plain", OUT)]) as t:
        once = taken(t, tmp, "--how", "copy")["copied_bytes"]
        for how in (*precopy() * 10, "fork", "copy"):
            a = taken(t, tmp, "--how", how, ok=(0, 4))
            if isinstance(a, dict):
                assert a["how"] == how, a
                of_one_moment(t, tmp / "s.core")
                assert a["copied_bytes"] < 3 * once, "what did not change is copied again"
                print("#", how, f"{a['pause_ns'] / 1e6:.2f} ms, predicted {a['predicted_pause_ns'] / 1e6:.2f} ms, copied {a['copied_bytes'] >> 20} MB")


@test
def no_wait_ends_early(tmp):
    """Calls that the kernel ends with EINTR when a thread is stopped go on as if nothing had been."""
    exe = tmp / "waits"
    r = subprocess.run([os.environ.get("CC", "cc"), "-O1", "-pthread", "-o", exe, programs.HERE / "waits/waits.c"], capture_output=True, text=True)
    if r.returncode != 0:
        raise Skip(r.stderr)
    if os.uname().machine != "x86_64":
        raise Skip("amd64 only")
    with Target([exe]) as t:
        for _ in range(15):
            taken(t, tmp)
        t.process.terminate()
        for line in t.process.stdout.read().splitlines():
            name, ended, interrupted = line.split()
            assert int(ended) > 0 and int(interrupted) == 0, line


@test
def every_build(tmp):
    """cgo, stripped, PIE, race, profiled; GOSPECT_SNAPSHOT_ALL=1: with every Go version."""
    everything = os.environ.get("GOSPECT_SNAPSHOT_ALL")
    versions = ["", *programs.VERSIONS] if everything else [""]
    done = []
    for version in versions:
        for name, variant in (("blocked", "stripped-pie"), ("cgo", "plain"), ("hot", "plain")) + ((("blocked", "stripped"), ("gc", "pie"), ("hot", "cgo"), ("blocked", "race")) if everything else ()):
            try:
                exe = programs.binary(name, version, variant, OUT)
            except programs.Unavailable as e:
                print("#", e)
                continue
            with Target([exe, "300s"]) as t:
                ways = {how: taken(t, tmp, "--how", how, ok=(0, 4)) for how in ("fork", *precopy(), "copy", "auto")}
                assert isinstance(ways["copy"], dict) and isinstance(ways["auto"], dict), ways
                done.append((version, name, variant, *(how if isinstance(w, dict) else f"{how}: no thread slept" for how, w in ways.items())))
    assert done
    print("#", done)


def core_of(tmp, t, *args):
    core = tmp / "d.core"
    gospect("snapshot", t.pid, "-q", "-o", core, *args)
    assert core.stat().st_blocks * 512 < core.stat().st_size, "not sparse"
    return core


@test
def gdb_opens_the_core(tmp):
    gdb = needs("gdb")
    with server(tmp, 8) as t:
        core = core_of(tmp, t)
    r = subprocess.run([gdb, "-batch", "-nx", "-ex", "info threads", "-ex", "thread apply all bt 3", "-ex", "print 'main.heap'", "-ex", "x/4xb main.heap.array",
                        str(tmp / "server"), str(core)], capture_output=True, text=True, timeout=120)
    assert "runtime." in r.stdout and re.search(r"= \{array = 0x[0-9a-f]+, len = \d\d+", r.stdout), r.stdout + r.stderr
    assert "Cannot access memory" not in r.stdout + r.stderr, r.stderr


@test
def delve_opens_the_core(tmp):
    dlv = needs("dlv")
    with server(tmp, 8) as t:
        core = core_of(tmp, t)
    r = subprocess.run([dlv, "core", str(tmp / "server"), str(core), "--allow-non-terminal-interactive=true"], input="goroutines\ngoroutine 1 bt\nprint len(main.heap)\nexit\n",
                       capture_output=True, text=True, timeout=120)
    assert "main.main" in r.stdout and re.search(r"\(dlv\) \d\d+\n", r.stdout), r.stdout + r.stderr


@test
def devices_are_not_replaced(tmp):
    with program("blocked") as t:
        assert "not a regular file" in gospect("snapshot", t.pid, "-q", "-o", "/dev/null", ok=(4,)).stderr
        unharmed(t)
    assert pathlib.Path("/dev/null").is_char_device()


@test
def packed_cores_are_the_same(tmp):
    with server(tmp, 8) as t:
        core = core_of(tmp, t)
        packed = tmp / "p.core.zst"
        gospect("snapshot", t.pid, "-q", "--zstd", "-o", packed)
    assert packed.stat().st_size < core.stat().st_size / 4
    a, b = (json.loads(gospect("heap", "summary", f, "--format", "json").stdout) for f in (core, packed))
    assert a.keys() == b.keys()


if __name__ == "__main__":
    sys.exit(run_all())
