"""Our event dump against `go tool trace -d=parsed`."""
import functools
import os
import re
import subprocess

EVENT = re.compile(rb"^M=(-?\d+) P=(-?\d+) G=(-?\d+) (.*?)Time=(-?\d+)(.*)$")


@functools.cache
def go_tool_trace():
    """The tool that `go tool trace` runs: for the go command to find it takes longer than a small trace."""
    def path():
        return subprocess.run(["go", "tool", "-n", "trace"], capture_output=True, text=True).stdout.strip()
    if not os.path.exists(path()):  # built when first used
        subprocess.run(["go", "tool", "trace", "-h"], capture_output=True)
    return [path()] if os.path.exists(path()) else ["go", "tool", "trace"]


def dumps(dump, trace, ours, theirs):
    """Write both texts; (exit status of ours, of Go's)."""
    env = dict(os.environ, TZ="UTC")
    with open(ours, "wb") as out:
        a = subprocess.run([dump, trace], stdout=out, stderr=subprocess.DEVNULL, env=env).returncode
    with open(theirs, "wb") as out:
        b = subprocess.run([*go_tool_trace(), "-d=parsed", trace], stdout=out, stderr=subprocess.DEVNULL, env=env).returncode
    return a, b


def events(path):
    """(proc, text without the time, time) of each event, with the lines that belong to it."""
    with open(path, "rb") as f:
        event = None
        for line in f:
            m = EVENT.match(line)
            if m:
                if event:
                    yield event
                event = (m[2], b" ".join((m[1], m[3], m[4], m[6])), int(m[5]))
            elif event:
                event = (event[0], event[1] + line, event[2])
        if event:
            yield event


def same(ours, theirs):
    """True: the same bytes."""
    return subprocess.run(["cmp", "-s", ours, theirs]).returncode == 0


def same_but_for_ties(ours, theirs):
    """
    For traces before Go 1.22, whose events may share a time: Go then takes procs in the order of a map, another one each run. Every proc
    must tell the same, in the same order, within a few nanoseconds. None, or what differs.
    """
    tables = []
    for path in (ours, theirs):
        procs = {}
        for proc, text, time in events(path):
            procs.setdefault(proc, []).append((text, time))
        # What no proc did, and goroutines at the start, has no order of its own.
        for proc in procs:
            if proc == b"-1" or int(proc) >= 1000000:
                procs[proc].sort()
        tables.append(procs)
    if tables[0].keys() != tables[1].keys():
        return f"procs {sorted(tables[0])} against {sorted(tables[1])}"
    for proc, mine in tables[0].items():
        for i, ((a, at), (b, bt)) in enumerate(zip(mine, tables[1][proc])):
            if a != b or abs(at - bt) > 100:
                return f"proc {proc.decode()}, event {i}: {a!r} at {at}, Go says {b!r} at {bt}"
        if len(mine) != len(tables[1][proc]):
            return f"proc {proc.decode()}: {len(mine)} events, Go has {len(tables[1][proc])}"
    return None
