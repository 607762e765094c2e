#!/usr/bin/env python3
"""Recording from endpoints with faults, and what ps and doctor say. Prints TAP; arguments choose tests by a part of their names."""
import json
import os
import pathlib
import pty
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from endpoint import NAMES, PROFILE, Endpoint, certificate

GOSPECT = os.environ.get("GOSPECT") or str(pathlib.Path(__file__).resolve().parents[2] / "build/gospect")
TESTS = []


class Skip(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


def gospect(*args, ok=0, **kw):
    r = subprocess.run([GOSPECT, *map(str, args)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **kw)
    assert r.returncode == ok, f"exit {r.returncode}, not {ok}\n{r.stdout}\n{r.stderr}"
    return r


def record(tmp, what, *args, seconds=1, ok=0, **kw):
    r = gospect("record", what, "-q", "-d", f"{seconds}s", "-o", tmp / "c", *args, ok=ok, **kw)
    if ok == 0:
        r.info = json.loads((tmp / "c/capture.json").read_text())
        r.done = {p["kind"]: p for p in r.info["parts"] if p["state"] == "done"}
        r.failed = {p["kind"]: p for p in r.info["parts"] if p["state"] == "failed"}
        for p in r.done.values():
            assert (tmp / "c" / p["file"]).stat().st_size > 0
        assert not list((tmp / "c").glob(".*")), "temporary files are left"
    return r


@test
def all_profiles_of_an_endpoint(tmp):
    with Endpoint(names=NAMES + ["goroutineleak", "my.queue"]) as e:
        r = record(tmp, e.url, seconds=2)
    assert set(r.done) == {"cpu", "trace", "goroutines", "heap-start", "goroutine-start", "goroutineleak", "my.queue", *NAMES}, r.done.keys()
    assert not r.failed
    assert all(m == "GET" for m, _, _ in e.seen), "only GET"
    assert "/debug/pprof/allocs?seconds=2" in e.paths() and "/debug/pprof/profile?seconds=2" in e.paths()
    assert "/debug/pprof/trace?seconds=2" in e.paths() and (tmp / "c/trace.out").read_bytes().startswith(b"go 1.26 trace")
    assert oct((tmp / "c").stat().st_mode & 0o777) == "0o700" and oct((tmp / "c/heap.pprof").stat().st_mode & 0o777) == "0o600"


@test
def stacks_of_many_goroutines_are_written_once(tmp):
    for goroutines, times in (5000, 2), (50000, 1):
        with Endpoint(goroutines=goroutines) as e:
            r = record(tmp, e.url, "--force", seconds=2)
        assert {"goroutines", "goroutine", "goroutine-start"} <= set(r.done)
        assert e.paths().count("/debug/pprof/goroutine?debug=2") == times, e.paths()


@test
def the_progress_names_what_it_waits_for(tmp):
    go_on = threading.Event()

    def slow(h):
        if "debug=2" in h.path:
            go_on.wait(40)
        h.answer(200, PROFILE)
    there, here = pty.openpty()
    with Endpoint(goroutines=50000, faults={"goroutine": slow}) as e:
        p = subprocess.Popen([GOSPECT, "record", e.url, "-d", "1s", "--only", "cpu,goroutines", "-o", tmp / "c"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=here, env={**os.environ, "TERM": "xterm", "COLUMNS": "200"})
        os.close(here)
        text = b""
        while b"waiting for goroutines.txt (50000 goroutines)" not in text:
            text += os.read(there, 4096)  # EIO: it ended and had never said so
        go_on.set()
        while True:
            try:
                os.read(there, 4096)
            except OSError:
                break
        assert p.wait(30) == 0
    os.close(there)


@test
def only_what_was_asked_for(tmp):
    with Endpoint() as e:
        r = record(tmp, e.url, "--only", "heap,goroutines")
    assert set(r.done) == {"heap", "goroutines"}
    assert not [p for p in e.paths() if "seconds" in p]


@test
def cumulative_profiles_have_no_seconds(tmp):
    with Endpoint() as e:
        r = record(tmp, e.url, "--only", "allocs,block", "--cumulative")
    assert set(r.done) == {"allocs", "block"} and not [p for p in e.paths() if "seconds" in p]


@test
def one_profile_by_its_address(tmp):
    with Endpoint() as e:
        r = record(tmp, e.url + "/debug/pprof/heap?gc=1")
        assert e.paths() == ["/debug/pprof/heap?gc=1"]
    assert set(r.done) == {"heap"}


@test
def an_unknown_profile_is_named(tmp):
    with Endpoint() as e:
        r = record(tmp, e.url, "--only", "heap,goroutineleak")
    assert set(r.done) == {"heap"} and "no such profile" in r.failed["goroutineleak"]["error"]


@test
def somebody_else_takes_a_cpu_profile(tmp):
    text = b"Could not enable CPU profiling: cpu profiling already in use\n"
    with Endpoint(faults={"profile": (500, text, "text/plain", [("X-Go-Pprof", "1")])}) as e:
        r = record(tmp, e.url)
    assert "somebody else" in r.failed["cpu"]["error"] and "heap" in r.done


@test
def the_write_timeout_of_the_server(tmp):
    with Endpoint(write_timeout=3) as e:
        r = record(tmp, e.url, seconds=8)
    assert r.done["cpu"]["duration_ns"] == 2000000000 and "WriteTimeout" in r.done["cpu"]["note"], r.done["cpu"]
    assert "since the program's start" in r.done["allocs"]["note"]


@test
def an_interruption_ends_the_cpu_profile_early_and_keeps_it(tmp):
    with Endpoint() as e:
        p = subprocess.Popen([GOSPECT, "record", e.url, "-q", "-d", "60s", "-o", tmp / "c"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for _ in range(100):
            if any("profile?" in x for x in e.paths()):
                break
            time.sleep(0.05)
        time.sleep(0.3)
        p.send_signal(signal.SIGINT)
        assert p.wait(20) == 0
        p.stdout.close()
    parts = {x["kind"]: x for x in json.loads((tmp / "c/capture.json").read_text())["parts"]}
    assert parts["cpu"]["state"] == "done" and "early" in parts["cpu"]["note"], parts["cpu"]
    assert parts["allocs"]["state"] == "done" and "start" in parts["allocs"]["note"]


@test
def a_second_interruption_aborts(tmp):
    def never(h):
        time.sleep(20)
    with Endpoint(faults={"heap": never}) as e:
        p = subprocess.Popen([GOSPECT, "record", e.url, "-q", "-d", "1s", "--only", "heap", "-o", tmp / "c"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.7)
        p.send_signal(signal.SIGINT)
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=10)
        assert p.returncode in (130, 3, 4), p.returncode


@test
def pages_that_are_no_profiles(tmp):
    login = b"<html><body>please log in</body></html>"
    with Endpoint(faults={"heap": (200, login, "text/html"), "block": (200, b""), "mutex": (200, b"hello there"), "allocs": (302, b"")}) as e:
        r = record(tmp, e.url)
    assert "web page" in r.failed["heap"]["error"] and "empty" in r.failed["block"]["error"] and "no profile" in r.failed["mutex"]["error"]
    assert "302" in r.failed["allocs"]["error"] and "cpu" in r.done


@test
def answers_that_are_cut_short(tmp):
    def cut(h):
        h.send_response(200)
        h.send_header("Content-Length", "100000")
        h.end_headers()
        h.wfile.write(PROFILE)
        h.wfile.flush()
        h.close_connection = True
        h.connection.shutdown(socket.SHUT_RDWR)
    with Endpoint(faults={"heap": cut}) as e:
        r = record(tmp, e.url)
    assert "before the answer was complete" in r.failed["heap"]["error"], r.failed
    assert not (tmp / "c/heap.pprof").exists() or "heap-start" not in r.done


@test
def redirects_stay_on_the_host(tmp):
    with Endpoint() as there:
        with Endpoint(redirect=f"http://localhost:{there.port}") as e:
            r = subprocess.run([GOSPECT, "record", e.url, "-q", "-d", "1s", "-o", str(tmp / "c")], capture_output=True, text=True)
            assert r.returncode != 0 and "another place" in r.stderr, r.stderr
            assert not there.seen
        with Endpoint(redirect=f"http://127.0.0.1:{there.port}") as e:
            assert set(record(tmp, e.url, "--only", "heap").done) == {"heap"}


@test
def authorization(tmp):
    with Endpoint(authorization="Bearer s3cret") as e:
        r = subprocess.run([GOSPECT, "record", e.url, "-q", "-d", "1s", "-o", str(tmp / "c")], capture_output=True, text=True)
        assert r.returncode != 0 and "--bearer" in r.stderr and not (tmp / "c").exists()
        (tmp / "token").write_text("s3cret\n")
        assert "cpu" in record(tmp, e.url, "--bearer", f"@{tmp}/token").done
        assert "s3cret" not in (tmp / "c/capture.json").read_text()
        shutil.rmtree(tmp / "c")
        assert "cpu" in record(tmp, e.url, "-H", "Authorization: Bearer s3cret").done
    shutil.rmtree(tmp / "c")
    with Endpoint(authorization="Basic YW5uOnB3") as e:
        assert "heap" in record(tmp, e.url.replace("//", "//ann:pw@"), "--only", "heap").done
        assert "pw@" not in (tmp / "c/capture.json").read_text()


@test
def secrets_do_not_travel_in_the_clear(tmp):
    r = subprocess.run([GOSPECT, "record", "http://example.invalid:1/", "--bearer", "x", "-q", "-o", str(tmp / "c")], capture_output=True, text=True)
    assert r.returncode == 2 and "unencrypted" in r.stderr, r.stderr


@test
def tls(tmp):
    made = certificate(tmp, "server"), certificate(tmp, "client")
    if None in made:
        raise Skip("no openssl")
    (cert, key), (own, own_key) = made
    with Endpoint(tls=(cert, key)) as e:
        r = subprocess.run([GOSPECT, "record", e.url, "-q", "-d", "1s", "-o", str(tmp / "c")], capture_output=True, text=True)
        assert r.returncode != 0 and "not trusted" in r.stderr, r.stderr
        assert "heap" in record(tmp, e.url, "--ca", cert, "--only", "heap").done
        shutil.rmtree(tmp / "c")
        assert "heap" in record(tmp, e.url.replace("https", "https+insecure"), "--only", "heap").done
    shutil.rmtree(tmp / "c")
    with Endpoint(tls=(cert, key, own)) as e:
        r = subprocess.run([GOSPECT, "record", e.url, "--ca", cert, "-q", "-d", "1s", "-o", str(tmp / "c")], capture_output=True, text=True)
        assert r.returncode != 0
        assert "heap" in record(tmp, e.url, "--ca", cert, "--cert", own, "--key", own_key, "--only", "heap").done


@test
def a_unix_socket(tmp):
    with Endpoint(unix=str(tmp / "s")) as e:
        assert set(record(tmp, e.url, "--only", "heap,cpu", seconds=2).done) == {"heap", "heap-start", "cpu"}
    r = subprocess.run([GOSPECT, "record", f"unix:{tmp}/none", "-q", "-o", str(tmp / "d")], capture_output=True, text=True)
    assert r.returncode != 0 and "nothing listens" in r.stderr


@test
def earlier_captures_are_safe(tmp):
    with Endpoint() as e:
        record(tmp, e.url, "--only", "heap,mutex")
        r = subprocess.run([GOSPECT, "record", e.url, "-q", "--only", "heap", "-o", str(tmp / "c")], capture_output=True, text=True)
        assert r.returncode == 2 and "--force" in r.stderr, r.stderr
        (tmp / "c/notes.md").write_text("mine")
        record(tmp, e.url, "--only", "heap", "--force")
        assert not (tmp / "c/mutex.pprof").exists() and (tmp / "c/notes.md").exists()
        (tmp / "other").mkdir()
        (tmp / "other/file").write_text("x")
        r = subprocess.run([GOSPECT, "record", e.url, "-q", "--force", "-o", str(tmp / "other")], capture_output=True, text=True)
        assert r.returncode == 2 and "other files" in r.stderr


@test
def names_never_collide(tmp):
    with Endpoint() as e:
        jobs = [subprocess.Popen([GOSPECT, "record", e.url, "-q", "--only", "heap"], cwd=tmp, stdout=subprocess.DEVNULL) for _ in range(6)]
        assert [j.wait(30) for j in jobs] == [0] * 6
    assert len(list(tmp.glob("gospect-*"))) == 6


@test
def a_full_disk_keeps_what_fits(tmp):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    with Endpoint(faults={"heap": (200, PROFILE + os.urandom(50000))}) as e:
        r = record(tmp, e.url, preexec_fn=limit)
    assert "heap" in r.failed and "cpu" in r.done, r.info["parts"]
    assert not (tmp / "c/heap.pprof").exists()


@test
def the_summary_as_json(tmp):
    with Endpoint() as e:
        out = json.loads(record(tmp, e.url, "--only", "heap", "--format", "json").stdout)
    assert out["capture"]["capture"] == 1 and out["folder"] == str(tmp / "c")


@test
def things_that_make_no_sense(tmp):
    for args in ([], ["a", "b"], ["1", "--", "ls"], ["localhost:1", "-F", "0"], ["localhost:1", "-d", "0s"], ["ftp://x/"], ["x", "--only", "a/b"]):
        gospect("record", *args, ok=2)


@test
def ps_finds_processes_and_ignores_others(tmp):
    rows = json.loads(gospect("ps", "--format", "json", "--no-cpu").stdout)
    assert rows["seen"] >= 1 and all(r["go_version"] for r in rows["processes"])
    assert os.getpid() not in [r["pid"] for r in rows["processes"]], "Python is no Go program"
    assert gospect("ps", "--name", "surely-no-such-process", "--no-cpu", ok=1).stdout


@test
def doctor_answers(tmp):
    r = subprocess.run([GOSPECT, "doctor", "--format", "json"], capture_output=True, text=True, timeout=60)
    d = json.loads(r.stdout)
    assert r.returncode == (0 if d["can_record"] else 1)
    names = [c["name"] for c in d["checks"]]
    assert "perf-events" in names and len(names) == len(set(names))
    assert all(c["state"] in ("ok", "limited", "no", "info") and c["found"] for c in d["checks"])
    own = subprocess.run([GOSPECT, "doctor", "--pid", str(os.getpid())], capture_output=True, text=True, timeout=60)
    assert "not a Go program" in own.stdout and own.returncode in (0, 1)
    with socket.create_server(("127.0.0.1", 0)):  # nobody ever accepts
        silent = subprocess.run([GOSPECT, "doctor", "--pid", str(os.getpid())], capture_output=True, text=True, timeout=60)
    assert "none that answers" in silent.stdout, silent.stdout
    gone = subprocess.run([GOSPECT, "doctor", "--pid", str(2 ** 22 - 1)], capture_output=True, text=True, timeout=60)
    assert gone.returncode > 1 and "no process" in gone.stderr


def main():
    chosen = [t for t in TESTS if not sys.argv[1:] or any(w in t.__name__ for w in sys.argv[1:])]
    print(f"1..{len(chosen)}", flush=True)
    failed = False
    for n, t in enumerate(chosen, 1):
        note = ""
        try:
            with tempfile.TemporaryDirectory(prefix="gospect-capture-") as tmp:
                t(pathlib.Path(tmp))
            word = "ok"
        except Skip as e:
            word, note = "ok", f" # SKIP {e}"
        except Exception:
            word, failed = "not ok", True
            print("\n".join("# " + x for x in traceback.format_exc().splitlines()))
        print(f"{word} {n} - {t.__name__}{note}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
