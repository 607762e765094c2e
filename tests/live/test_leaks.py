#!/usr/bin/env python3
"""gospect leaks on running programs: the demo shop, whose goroutines leak and whose cache grows, and planted leaks. Plain and stripped. TAP."""
import json
import subprocess
import sys
import urllib.request

import programs
from live import OUT, Skip, Target, gospect, run_all, shop_with_pages, test, wait_for


def leaks(*args, ok=(0, 1)):
    r = gospect("leaks", "-n", 0, "--format", "json", *args, ok=ok)
    return r.returncode, json.loads(r.stdout)


def check_other_ways_in(s):
    """Questions about the heap take the process itself, leaks takes its address."""
    summary = json.loads(gospect("heap", "summary", "--format", "json", s.pid).stdout)
    most = max(summary["types"], key=lambda row: row["shallow_bytes"])
    assert "uint8" in most["type"], most

    # From outside they are suspects, once they are many.
    def is_named():
        return any(g["blocked"]["function"] == "example.com/shop/notify.(*Mailer).print" for g in leaks(s.url)[1]["groups"])
    wait_for("leaks by the address", is_named)
    assert "needs the memory itself" in gospect("heap", "summary", s.url, ok=(2,)).stderr


def check_shop(s):
    """Customers come and go: some leaks must have happened, the rest is a matter of time."""
    def leaked():
        with urllib.request.urlopen(s.url + "/debug/pprof/goroutine?debug=2", timeout=10) as r:
            return r.read().count(b"notify.(*Mailer).print(") >= 20
    wait_for("leaked goroutines", leaked)
    status, found = leaks(s.pid)
    assert status == 1, found
    first = found["groups"][0]
    assert first["verdict"] == "proven" and first["state"] == "chan send" and first["count"] >= 5, first
    assert first["blocked"]["function"] == "example.com/shop/notify.(*Mailer).print", first
    assert first["created"]["function"] == "example.com/shop/notify.(*Mailer).Checkout", first
    source = (programs.HERE.parent.parent / "examples/shop/notify/notify.go").read_text().splitlines()
    assert "printed <- Receipt" in source[first["blocked"]["line"] - 1], first["blocked"]
    assert source[first["created"]["line"] - 1].strip().startswith("go m.print("), first["created"]
    assert "notify.Receipt" in first["waits_for"][0]["type"], first["waits_for"]
    assert all(g["blocked"]["function"].startswith("example.com/shop/notify.") for g in found["groups"] if g["verdict"] == "proven"), found["groups"]
    memory = found["memory"][0]
    way = [memory["in"], *memory["held_by"], *memory["shortest_way"]]
    assert any("string][]uint8" in h for h in way), found["memory"]
    assert "uint8" in memory["elements"] and memory["bytes"] > found["live_bytes"] / 2, memory


@test
def shop_plain(tmp):
    with shop_with_pages(1000) as s:
        check_shop(s)
        check_other_ways_in(s)


@test
def shop_stripped(tmp):
    exe = OUT / "shop-stripped"
    OUT.mkdir(parents=True, exist_ok=True)
    r = subprocess.run(["go", "build", "-ldflags=-s -w", "-o", exe, "."], cwd=programs.HERE.parent.parent / "examples/shop",
                       env=programs.go_env("", False), capture_output=True, text=True)
    if r.returncode != 0:
        raise Skip(r.stderr)
    with Target([exe, "-load", "-duration", "300s"]) as s:
        def grown():
            with urllib.request.urlopen(s.url + "/stats", timeout=10) as answer:
                return json.load(answer)["pages"] >= 1000
        wait_for("1000 pages", grown)
        check_shop(s)


def grown_leak(variant, tmp):
    exe = programs.binary("leak", "", variant, OUT)
    with Target([exe, "300s"]) as t:
        before, after = tmp / "before.core", tmp / "after.core"
        # The first goroutines are there as soon as the program says that it is up.
        wait_for("ten leaked goroutines", lambda: any(g["count"] >= 10 for g in leaks(t.pid, "--no-memory")[1]["groups"]))
        gospect("snapshot", t.pid, "-o", before, "-q")
        had = leaks(before, "--binary", exe, "--no-memory")[1]["proven_goroutines"]
        wait_for("more of them", lambda: leaks(t.pid, "--no-memory")[1]["proven_goroutines"] >= had + 50)
        gospect("snapshot", t.pid, "-o", after, "-q")
    status, found = leaks(before, after, "--binary", exe)
    group = found["groups"][0]
    # One that has only just blocked may still be in somebody's registers: it waits, and is not proven yet, or is a group of its own.
    assert status == 1 and had - 5 <= group["before"] <= had + 5 and group["is_growing"] and group["count"] >= had + 45, found["groups"]
    assert group["blocked"]["function"] == "main.forget.func1" and group["created"]["function"] == "main.forget", group
    assert not group["users"], group["users"]
    memory = found["memory"][0]
    assert memory["retained_bytes"] > memory["retained_before_bytes"] > 0 and "uint8" in memory["elements"], memory
    status, _ = leaks(after, "--binary", exe, "--fail-on", "never", ok=(0,))
    assert status == 0


@test
def growing_plain(tmp):
    grown_leak("plain", tmp)


@test
def growing_stripped_pie(tmp):
    grown_leak("stripped-pie", tmp)


if __name__ == "__main__":
    sys.exit(run_all())
