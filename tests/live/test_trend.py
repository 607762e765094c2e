#!/usr/bin/env python3
"""gospect trend and heap diff on the demo shop: its cache grows by what is asked of it, so that values follow from counts and not from time. TAP."""
import itertools
import json
import os
import statistics
import sys
import urllib.request

from live import gospect, run_all, shop, test

RENDER = "example.com/shop/page.(*Pages).Render"
BODY_BYTES = 4096  # room that Render makes for a page


def get(url):
    with urllib.request.urlopen(url, timeout=30) as r:
        return r.read()


def exact_shop():
    """No customers of its own; every allocation is sampled."""
    os.environ["GODEBUG"] = "memprofilerate=1"
    try:
        return shop("-load=false", "-duration", "0s")
    finally:
        del os.environ["GODEBUG"]


def ask_for_pages(s, session, n):
    for i in range(n):
        get(f"{s.url}/product?sku=sku-0001&session={session}-{i}")


def pages(s):
    return json.loads(get(s.url + "/stats"))["pages"]


def take(s, tmp, name):
    file = tmp / name
    file.write_bytes(get(s.url + "/debug/pprof/heap?gc=1"))
    return file


def trend(*args, ok=(0,)):
    r = gospect("trend", "--format", "json", "-n", 0, *args, ok=ok)
    return r.returncode, json.loads(r.stdout)


def row(found):
    return next((r for r in found["rows"] if r["name"] == RENDER), None)


@test
def a_cache_grows_as_much_as_it_says(tmp):
    files, counts = [], []
    with exact_shop() as s:
        for step in range(8):
            ask_for_pages(s, step, 40)
            counts.append(pages(s))
            files.append(take(s, tmp, f"heap-{step}.pprof"))
        same = [take(s, tmp, f"same-{i}.pprof") for i in range(6)]
    assert counts == [40 * (i + 1) for i in range(8)], counts
    status, found = trend("--fail-on", "growing", *reversed(files), ok=(1,))
    r = row(found)
    assert r and r["verdict"] == "growing" and found["profiles"] == 8, found["rows"][:3]
    for (b, value), pages_then in zip(zip(r["values"], r["values"][1:]), counts[1:]):
        assert value - b >= 39 * BODY_BYTES, (b, value)
    grown = (r["values"][-1] - r["values"][0]) / (counts[-1] - counts[0])
    assert BODY_BYTES <= grown <= BODY_BYTES * 1.5, grown
    at, values = found["at_s"], r["values"]
    want = statistics.median((values[j] - values[i]) / (at[j] - at[i]) for i, j in itertools.combinations(range(8), 2))
    assert abs(r["slope_per_s"] - want) <= 1e-6 * want, (r["slope_per_s"], want)
    assert r["low_per_s"] <= want <= r["high_per_s"] and r["stack"][0] == RENDER, r
    lines = trend("-g", "lines", *files)[1]["rows"]
    assert any("page/page.go:" in x["name"] and x["verdict"] == "growing" for x in lines), [x["name"] for x in lines]

    r = row(trend(*same)[1])
    assert r["verdict"] == "steady" and r["slope_per_s"] == 0 and len(set(r["values"])) == 1, r

    (tmp / "series").mkdir()
    for f in files:
        f.rename(tmp / "series" / f.name)
    assert row(trend(tmp / "series")[1])["values"] == values


@test
def profiles_of_a_running_program(tmp):
    with exact_shop() as s:
        ask_for_pages(s, "x", 100)
        found = trend("--every", "200ms", "--for", "1s", s.url + "/debug/pprof/heap?gc=1")[1]
        assert found["profiles"] + found["same_moment"] + found["failed"] == 6, found
        last = row(found)["values"][-1]
        assert 100 * BODY_BYTES <= last <= 150 * BODY_BYTES, last
        found = trend("--every", "200ms", "--for", "1s", "--part", "goroutine", s.pid)[1]
        assert found["type"] == "goroutine" and found["profiles"] + found["same_moment"] + found["failed"] == 6, found
        assert all(v >= 1 for v in found["whole"]["values"]), found["whole"]


@test
def a_map_holds_more_by_as_many_as_were_asked_for(tmp):
    cores = [tmp / f"{i}.core" for i in range(3)]
    with exact_shop() as s:
        for i, core in enumerate(cores):
            ask_for_pages(s, f"snapshot-{i}", 100)
            gospect("snapshot", s.pid, "-o", core, "-q")
    found = json.loads(gospect("heap", "diff", "--format", "json", "-n", 0, *cores).stdout)
    held = next(e for e in found["edges"] if "map" in e["name"] and e["name"].endswith("-> []uint8"))
    # The program has a few other maps of that type.
    for key, each in (("count", 100), ("own_bytes", 100 * BODY_BYTES)):
        assert all(abs(b - a - each) <= each / 20 for a, b in zip(held[key], held[key][1:])), held
    assert held in found["edges"][:3], found["edges"][:3]


if __name__ == "__main__":
    sys.exit(run_all())
