"""Programs whose leaks are known, and what is known of them. What they all do at the end is in HOOK."""
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
NEWEST = "1.27.4"
KINDS = {"plain": [], "stripped": ["-ldflags=-s -w"]}
# Where a program would have collected or written its profile. It comes to rest: two looks in a row find the same goroutines at the same
# places and none that could run; what runs for ever is waited for 3 s. Then, when it is told: all goroutines as they are, and what Go's own detector says.
HOOK = '''package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

type stopper struct{}

var _ = runtime.GC

func others() string {
	for n := 1 << 18; ; n *= 2 {
		buf := make([]byte, n)
		if used := runtime.Stack(buf, true); used < n || n > 1<<26 {
			_, text, _ := strings.Cut(string(buf[:used]), "\\n\\n")
			return text
		}
	}
}

func settle() {
	last := "?"
	for i := 0; i < 30; i++ {
		time.Sleep(100 * time.Millisecond)
		text := others()
		quiet := !strings.Contains(text, " [running") && !strings.Contains(text, " [runnable") && !strings.Contains(text, " [sleep")
		if quiet && text == last {
			return
		}
		last = text
	}
}

func (stopper) WriteTo(w io.Writer, debug int) error {
	settle()
	fmt.Println("\\nready")
	var b [1]byte
	os.Stdin.Read(b[:])
	fmt.Print("\\nall goroutines\\n\\n", others(), "\\n\\ndetector\\n\\n")
	if p := pprof.Lookup("goroutineleak"); p != nil {
		p.WriteTo(os.Stdout, 2)
	}
	os.Exit(0)
	return nil
}

func stopHere() stopper { return stopper{} }

func stopAndWait() { stopper{}.WriteTo(nil, 0) }
'''


def minor(version):
    return int(version.split(".")[1])


def env_of(version):
    more = {"GOEXPERIMENT": "loopvar"} if minor(version) == 21 else {}  # as from 1.22 on
    return dict(os.environ, GOTOOLCHAIN="go" + version, CGO_ENABLED="0", GOFLAGS="-buildvcs=false", GOWORK="off", **more)


def go(args, version, cwd):
    return subprocess.run(["go", *args], cwd=cwd, env=env_of(version), capture_output=True, text=True)


def has(version):
    r = go(["version"], version, "/")
    return r.returncode == 0 and f"go{version} " in r.stdout


# What can wake a goroutine though no other goroutine does, and is not seen among the goroutines.
BY_ITSELF = re.compile(r"\btime\.(After|AfterFunc|NewTimer|NewTicker|Tick)\b|\bcontext\.With(Timeout|Deadline)|\bsignal\.Notify|\bSetFinalizer\b|\bAddCleanup\b")


class Case:
    """
    A program with what must be found in it: expected[name](goroutine) -> bool. also: leaks too, though nobody asks for them.
    source: its text, when that is all of it but main, which only ever stops.
    """

    def __init__(self, suite, name, argv, expected, also=(), source=None):
        self.suite, self.name, self.argv, self.expected, self.also = suite, name, argv, dict(expected), list(also)
        self.needs_somebody = source is not None and not BY_ITSELF.search(source)


def module(folder, version):
    folder.mkdir()
    (folder / "hook.go").write_text(HOOK)
    (folder / "go.mod").write_text(f"module example.com/kernels\n\ngo 1.{minor(version)}\n")


# ---- our own

OWN_HELPERS = {"main.stuckSender": "stuckSend", "main.stuckLink": "stuckChain"}


def own(version, tmp, _):
    for kind, flags in KINDS.items():
        exe = tmp / f"stuck-{kind}"
        r = go(["build", *flags, "-o", exe, "main.go"], version, HERE / "program")
        if r.returncode:
            raise RuntimeError(r.stderr)
        names = re.findall(r"^func (stuck[A-Z]\w*)\(\)", (HERE / "program/main.go").read_text(), re.M)
        known = {n: (lambda g, n=n: g.function.startswith("main." + n) or OWN_HELPERS.get(g.function) == n) for n in names}
        timers = [known.pop(n) for n in names if n.endswith("Timer")] if minor(version) < 23 else []
        yield Case("own", kind, [exe], known, timers)


# ---- Go's tree

MAKE = re.compile(r"make(Flaky)?Test\(\"(\w+)\",?\s*((?://[^\n]*\n|`[^`]*`,?\s*|\s)*)\)")


def matcher(pattern):
    function, state = pattern.rsplit(r" \[", 1) if r" \[" in pattern else (pattern, "")
    state = state.removesuffix(r"\]").replace(r"\]", "")
    f = re.compile(function)

    def matches(g):
        # Before Go 1.25 a WaitGroup, before 1.20 any lock is just a semaphore.
        return bool(f.search(g.function.removeprefix("main.") + "()")) and (g.state == "semacquire" or not state or bool(re.fullmatch(state, g.state)))
    return matches


def gotree(version, tmp, _):
    root = pathlib.Path(go(["env", "GOROOT"], NEWEST, "/").stdout.strip()) / "src/runtime"
    source, test = root / "testdata/testgoroutineleakprofile", root / "goroutineleakprofile_test.go"
    if not source.exists():
        return
    dst = tmp / "gotree"
    module(dst, version)
    for path in [*source.glob("*.go"), *source.glob("goker/*.go")]:
        text = path.read_text().replace('pprof.Lookup("goroutineleak")', "stopHere()")
        if "pprof." not in text.replace('"runtime/pprof"', ""):
            text = re.sub(r'"runtime/pprof"', '_ "runtime/pprof"', text)  # lines stay where they are
        (dst / path.name).write_text(text)
    r = go(["build", "-o", dst / "kernels", "."], version, dst)
    if r.returncode:
        raise RuntimeError(r.stderr)
    for flaky, name, body in MAKE.findall(test.read_text()):
        if name in ("SpawnGC", "DaisyChain"):  # write profiles all the time
            continue
        patterns = {p: matcher(p) for p in re.findall(r"`([^`]*)`", body)}
        yield Case("go", name + (" (flaky)" if flaky else ""), [dst / "kernels", name], patterns)


# ---- the artifact

def functions(lines):
    """(first, last) line of each function, literals too, outer ones first. As gofmt writes them: a function ends where its first line's indent comes back."""
    found = []
    for i, line in enumerate(lines):
        if re.search(r"\bfunc\b.*\{\s*(//.*)?$", line.split(" //")[0]):
            end = re.match(r"\s*", line)[0] + "}"
            found.append((i + 1, next(k for k in range(i + 1, len(lines)) if lines[k].startswith(end)) + 1))
    return found


def annotations(text):
    """[(what is said, goroutine -> bool)]. Said of a go statement that follows is who it makes; else the function around it, in which a goroutine has begun."""
    lines, found = text.splitlines(), []
    all_functions = functions(lines)

    def around(line):
        return next((f for f in reversed(all_functions) if f[0] <= line <= f[1]), None)

    for i, line in enumerate(lines):
        m = re.match(r"\s*// deadlocks: (.*)", line)
        if not m:
            continue
        after = next(k for k in range(i + 1, len(lines)) if lines[k].strip() and not lines[k].strip().startswith("//"))
        if re.match(r"\s*go ", lines[after]):
            found.append((i + 1, m[1].strip(), lambda g, made=after + 1: g.created == made and g.file == "main.go"))
        else:
            found.append((i + 1, m[1].strip(), lambda g, f=around(i + 1): around(g.began) == f and g.began_in == "main.go"))
    return found


def golf(version, tmp, folder):
    base = pathlib.Path(folder) / "tester/tests"
    for path in sorted(base.rglob("main.go")):
        name = str(path.parent.relative_to(base))
        text = path.read_text()
        if name.startswith("goker-nonblocking") or "runtime.GC()" not in text:
            continue
        dst = tmp / ("golf_" + name.replace("/", "_"))
        module(dst, version)
        at = text.rfind("runtime.GC()")
        text = text[:at] + "stopAndWait()" + text[at + len("runtime.GC()"):]
        text = text.replace("i < 3000000", "i < 30000").replace("NUM = 100000", "NUM = 1000")  # gigabytes
        if not re.search(r"\bruntime\.", text.replace("runtime.GOOS", "x")):
            text = re.sub(r'(\n\s*)"runtime"', r'\1_ "runtime"', text)
        (dst / "main.go").write_text(text)
        if go(["build", "-o", dst / "kernel", "."], version, dst).returncode:
            continue
        kind = name.split("/")[0]
        said = annotations(path.read_text()) if kind != "false-negative" else []
        yield Case("golf " + kind, name, [dst / "kernel"], {f"line {line}": matches for line, what, matches in said if what != "0"}, source=text)


# ---- GoBench

def gobench(version, tmp, folder):
    """Its kernels as they are, each test begun in a goroutine of its own. It says which kernels leak, not where."""
    for path in sorted((pathlib.Path(folder) / "gobench/goker/blocking").glob("*/*/*_test.go")):
        name = "/".join(path.parent.parts[-2:])
        text = path.read_text()
        test = re.search(r"^func (Test\w+)\(t \*testing\.T\)", text, re.M)
        dst = tmp / ("gobench_" + name.replace("/", "_"))
        module(dst, version)
        if not test:
            continue
        (dst / "kernel.go").write_text(re.sub(r"^package \w+", "package main", text, flags=re.M))
        (dst / "start.go").write_text(
            f'package main\n\nimport "testing"\n\nfunc main() {{\n\tgo {test[1]}(new(testing.T))\n\tstopAndWait()\n}}\n')
        if go(["build", "-o", dst / "kernel", "."], version, dst).returncode:
            continue
        yield Case("gobench", name, [dst / "kernel"], {"anything": lambda g: g.waits}, source=text)


SUITES = {"own": own, "go": gotree, "golf": golf, "gobench": gobench}
