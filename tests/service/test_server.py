#!/usr/bin/env python3
"""What the page's server lets in and what it does not; what it answers. Runs the real program."""
import concurrent.futures
import gzip
import http.client
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import time

from harness import DATA, FakeEndpoint, GOSPECT, Server, make_pprof, run, test

CPU = os.path.join(DATA, "go1.22", "cpu.pprof")
HEAP = os.path.join(DATA, "go1.27", "heap.pprof")
server = None


@test
def the_link_works_once_and_leaves_a_strict_cookie():
    global server
    server = Server(CPU, HEAP)
    status, headers = server.log_in()
    assert status == 303 and headers["Location"] == "/"
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and re.search(r"=[0-9a-f]{32};", cookie), cookie
    assert server.token not in cookie
    status, _, body = server.get(f"/?token={server.token}", cookie=False)
    assert status == 403 and b"used" in body
    status, _, _ = server.get("/?token=" + "0" * 32, cookie=False)
    assert status == 403
    # Reloading the first page of a browser that is already in does no harm.
    status, _, _ = server.get(f"/?token={server.token}")
    assert status == 303


@test
def nothing_is_served_without_the_cookie():
    for path in ("/", "/index.html", "/api/session", "/api/info", "/api/ps", "/favicon.svg", "/nothing"):
        status, headers, body = server.get(path, cookie=False)
        assert status == 403, path
        assert b"documents" not in body
    for bad in ("", "gospect-%d=" % server.port, server.cookie[:-1] + ("0" if server.cookie[-1] != "0" else "1"),
                server.cookie.replace(str(server.port), "1"), server.cookie + "0"):
        status, _, _ = server.get("/api/session", cookie=False, headers={"Cookie": bad})
        assert status == 403, bad
    status, answer = server.post("/api/open", {"path": CPU}, cookie=False)
    assert status == 403
    assert len(server.json("/api/session")[1]["documents"]) == 2


@test
def the_host_must_be_exactly_ours():
    for host in ("evil.example", f"evil.example:{server.port}", f"127.0.0.1.evil.example:{server.port}", "127.0.0.1",
                 f"127.0.0.1:{server.port + 1}", f"127.evil.example:{server.port}", f"0.0.0.0:{server.port}",
                 f"localhost.evil.example:{server.port}", f"[::ffff:127.0.0.1]:{server.port}", ""):
        status, _, body = server.get("/api/session", host=host)
        assert status in (400, 403), (host, status)
        assert b"documents" not in body, host
    # Rebinding: the page of the other name has our token but not our name.
    status, _, _ = server.get("/?token=" + "1" * 32, host=f"evil.example:{server.port}", cookie=False)
    assert status == 403
    for host in (f"localhost:{server.port}", f"[::1]:{server.port}"):
        assert server.get("/api/session", host=host)[0] == 200, host
    two = (f"GET /api/session HTTP/1.1\r\nHost: {server.host}\r\nHost: evil.example\r\nCookie: {server.cookie}\r\n"
           "Connection: close\r\n\r\n").encode()
    assert b" 200 " not in server.raw(two).split(b"\r\n")[0]


@test
def changes_need_our_own_origin():
    for origin in (None, "null", "http://evil.example", f"http://127.0.0.1:{server.port + 1}", f"https://{server.host}",
                   f"http://{server.host}.evil.example"):
        status, answer = server.post("/api/open", {"path": CPU}, origin=origin or False)
        assert status == 403 and answer["error"]["code"] == "denied", origin
    status, _, _ = server.get("/api/session", headers={"Origin": "http://evil.example"})
    assert status == 403
    for site, want in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert server.get("/api/session", headers={"Sec-Fetch-Site": site})[0] == want, site
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"):
        status, headers, _ = server.request(method, "/api/session", headers={"Origin": server.origin})
        assert status in (400, 405), (method, status)
        assert not any(h.lower().startswith("access-control") for h in headers)
    # A form of another site cannot send JSON.
    status, _ = server.post("/api/open", {"path": CPU}, headers={"Content-Type": "text/plain"})
    assert status == 415
    # GET never changes anything.
    assert server.get("/api/open?path=" + CPU)[0] == 404
    assert len(server.json("/api/session")[1]["documents"]) == 2


@test
def answers_carry_the_safety_headers():
    for path, cookie in (("/", True), ("/api/session", True), ("/api/nothing", True), ("/", False), ("/api/info", False)):
        _, headers, _ = server.get(path, cookie=cookie)
        csp = headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
            assert part in csp, (path, csp)
        assert "unsafe" not in csp
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not any(h.lower().startswith("access-control") for h in headers)


@test
def paths_do_not_lead_out():
    for path in ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../etc/passwd", "//etc/passwd",
                 "/assets/%2fetc/passwd", "/.git/config", "/api/../index.html", "/index.html%00.js"):
        status, _, body = server.get(path)
        assert status in (400, 404), (path, status)
        assert b"root:" not in body
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "ui"))
        for name, text in (("secret.txt", "hush"), ("ui/index.html", "<p>page"), ("ui/.hidden", "hush")):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        os.symlink("../secret.txt", os.path.join(folder, "ui", "link.txt"))
        with Server("--ui-dir", os.path.join(folder, "ui")) as s:
            s.log_in()
            assert s.get("/")[2] == b"<p>page"
            for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/.hidden", "/./index.html", "//index.html"):
                status, _, body = s.get(path)
                assert status == 404 and b"hush" not in body, path


@test
def large_heads_and_bodies_are_refused():
    status, _, _ = server.get("/api/session?x=" + "a" * 40000)
    assert status in (413, 414, 431), status
    assert b" 200 " not in server.raw((f"GET /api/session HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nX: "
                                      + "a" * 200000 + "\r\n\r\n").encode()).split(b"\r\n")[0]
    assert b" 200 " not in server.raw((f"GET /api/session HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
                                      + "".join(f"X-{i}: 1\r\n" for i in range(20000)) + "\r\n").encode()).split(b"\r\n")[0]
    got = server.raw(f"POST /api/open HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nOrigin: {server.origin}\r\n"
                     "Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n".encode())
    assert b" 413 " in got.split(b"\r\n")[0], got
    status, _ = server.post("/api/open", b"{" + b" " * 500000 + b"}")
    assert status == 400, status
    for length in ("-1", "99999999999999999999", "1x"):
        got = server.raw(f"POST /api/open HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nOrigin: {server.origin}\r\n"
                         f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
        assert b" 200 " not in got.split(b"\r\n")[0], length
    # Without a length: chunks without an end.
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall((f"POST /api/open HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nOrigin: {server.origin}\r\n"
                   "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode())
        try:
            for _ in range(100):
                s.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
            assert s.recv(100)[:12] != b"HTTP/1.1 200"
        except OSError:
            pass
    assert server.get("/api/session")[0] == 200


@test
def requests_that_dawdle_are_cut_off():
    start = time.monotonic()
    socks = []
    for part in (b"", b"GET / HTTP/1.1\r\nHost: ", b"GET /api/session HTTP/1.1\r\nHost: %s\r\n" % server.host.encode(),
                 (f"POST /api/open HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nOrigin: {server.origin}\r\n"
                  "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{").encode()):
        s = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        s.sendall(part)
        socks.append(s)
    # A byte now and then does not buy more time.
    alive = set(socks)
    while alive and time.monotonic() - start < 8:
        time.sleep(0.2)
        for s in list(alive):
            try:
                s.sendall(b"x")
                s.setblocking(False)
                try:
                    if s.recv(1) == b"":
                        alive.discard(s)
                except BlockingIOError:
                    pass
                s.setblocking(True)
            except OSError:
                alive.discard(s)
    took = time.monotonic() - start
    for s in socks:
        s.close()
    assert not alive, f"{len(alive)} connections live after {took:.1f} s"
    assert took < 6, took
    assert server.get("/api/session")[0] == 200


@test
def idle_strangers_do_not_lock_us_out():
    with Server(CPU, timeout="500ms") as s:
        s.log_in()
        held = [socket.create_connection(("127.0.0.1", s.port), timeout=5) for _ in range(300)]
        deadline = time.monotonic() + 10
        status = None
        while status != 200 and time.monotonic() < deadline:
            try:
                status = s.get("/api/session")[0]
            except OSError:
                time.sleep(0.1)
        for h in held:
            h.close()
        assert status == 200


@test
def questions_do_not_wait_for_each_other():
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(3):  # keep-alive
        assert server.get("/api/session", connection=c)[0] == 200
    c.close()
    want = server.get("/api/info?doc=1")[2]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: server.get(f"/api/info?doc=1&download={i % 2}")[2], range(200)))
    assert all(a == want for a in answers)


@test
def documents_are_opened_and_numbered():
    status, answer = server.post("/api/open", {"path": HEAP})
    assert status == 200 and answer == {"documents": [3]}, answer
    status, answer = server.post("/api/open", {"path": "/nonexistent"})
    assert status == 404 and "/nonexistent" in answer["error"]["text"]
    status, answer = server.post("/api/open", {"path": "-"})
    assert status == 400
    session = server.json("/api/session")[1]
    assert [d["id"] for d in session["documents"]] == [1, 2, 3]
    first = session["documents"][0]
    assert first["default_type"] == "cpu" and first["total"][1] == first["total"][0] * 10000000
    assert server.json("/api/info?doc=3")[1]["sample_types"] == server.json("/api/info?doc=2")[1]["sample_types"]
    assert server.json("/api/info?doc=0")[0] == 404 and server.json("/api/info?doc=x")[0] == 400
    assert server.json("/api/info?doc=1&doc=2")[0] == 200


@test
def a_trend_is_of_several_documents():
    with tempfile.TemporaryDirectory() as folder, Server() as other:
        for i in range(6):
            with open(os.path.join(folder, f"{i}.folded"), "w") as f:
                f.write(f"main;put {100 + 10 * i}\nmain;serve 500\n")
        files = [os.path.join(folder, f"{i}.folded") for i in range(6)]
        other.log_in()
        ids = [other.post("/api/open", {"path": f})[1]["documents"][0] for f in files]
        status, answer = other.json("/api/trend?interval=10s&doc=" + ",".join(map(str, ids)))
        want = json.loads(subprocess.run([GOSPECT, "trend", "--interval", "10s", "--format", "json", *files], capture_output=True, check=True).stdout)
        assert status == 200 and answer == want, answer
        assert [(r["name"], r["verdict"], r["slope_per_s"]) for r in answer["rows"]] == [("put", "growing", 1), ("serve", "steady", 0)], answer["rows"]
        assert other.json("/api/trend?doc=1")[0] == 400 and other.json("/api/trend?doc=1,2")[0] == 400  # one; no times
        assert other.get("/api/trend?format=pprof&interval=10s&doc=1,2,3")[2][:2] == b"\x1f\x8b"


@test
def answers_can_be_saved_as_files():
    _, headers, _ = server.get("/api/info?doc=1&format=text&download=1")
    assert headers["Content-Disposition"] == 'attachment; filename="cpu-info.txt"', headers["Content-Disposition"]
    assert headers["Content-Type"].startswith("text/plain")


@test
def the_page_is_packed_and_not_sent_twice():
    status, headers, body = server.get("/", headers={"Accept-Encoding": "gzip"})
    assert status == 200
    if "ETag" not in headers:
        assert b"make ui" in body  # built without the page
        return
    assert headers["Content-Encoding"] == "gzip"
    page = gzip.decompress(body)
    assert server.get("/")[2] == page
    status, _, body = server.get("/", headers={"If-None-Match": headers["ETag"]})
    assert status == 304 and body == b""
    for asset in re.findall(rb'(?:src|href)="\.?(/[^"]+)"', page):
        status, headers, body = server.get(asset.decode())
        assert status == 200 and body, asset


@test
def hostile_names_stay_text():
    evil = 'main.<script>alert(1)</script>\x1b[31m"\\ \u2028&'
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "<img src=x>.pprof")
        with open(path, "wb") as f:
            f.write(make_pprof({(evil, "main.main"): 5, ("b", "main.main"): 3}, [(evil, evil + "\n")]))
        with Server(path) as s:
            s.log_in()
            for route in ("/api/session", "/api/info", "/api/top", "/api/tree", "/api/traces", "/api/tags",
                          "/api/peek?function=.", "/api/list?function=.", "/api/search?query=.", "/api/flame?format=json"):
                status, headers, body = s.get(route)
                if status == 404:
                    continue  # a row that is not there yet is another test's matter
                assert status == 200 and headers["Content-Type"] == "application/json", route
                assert b"<" not in body and b"\x1b" not in body and "\u2028".encode() not in body, route
                json.loads(body)
            status, _, body = s.get("/api/info?format=text")
            assert b"\x1b" not in body
            status, answer = s.json("/api/info?%3Cscript%3E=1")
            assert status == 400 and "<script>" in answer["error"]["text"]


@test
def same_numbers_in_the_terminal_and_over_http():
    for op, query in (("info", ""), ("top", ""), ("top", "?limit=0&sort=cum"), ("top", "?focus=runtime&granularity=lines"),
                      ("tree", ""), ("peek", "?function=runtime"), ("tags", ""), ("traces", ""), ("flame", "?format=folded")):
        status, _, body = server.get("/api/" + op + query)
        if status == 404:
            continue
        assert status == 200, (op, query, body)
        words = [GOSPECT, op]
        if "format=" not in query:
            words += ["--format", "json"]
        for pair in query[1:].split("&") if query else []:
            name, value = pair.split("=", 1)
            words += ["--" + name, value]
        printed = subprocess.run(words + [CPU], capture_output=True, check=True).stdout
        assert printed == body, (op, query, printed[:300], body[:300])


def check_fields(value, fields, where):
    assert isinstance(value, dict), (where, value)
    missing = set(fields.split()) - set(value)
    assert not missing, (where, missing, sorted(value))


@test
def answers_have_the_fields_that_the_api_promises():
    cpu, dump = "doc=1", None
    status, answer = server.post("/api/open", {"path": os.path.join(DATA, "go1.26", "goroutine.debug2.txt")})
    dump = f"doc={answer['documents'][0]}"

    def ask(path):
        status, answer = server.json("/api/" + path)
        assert status == 200, (path, answer)
        return answer

    session = ask("session")
    check_fields(session, "version documents editors can_record", "session")
    check_fields(session["documents"][0], "id name kind group title sample_types default_type samples total time_ns duration_ns labels",
                 "document")
    top = ask(f"top?{cpu}&limit=3")
    check_fields(top, "type unit total shown rows", "top")
    assert len(top["rows"]) == top["shown"] == 3
    check_fields(top["rows"][0], "name short package file line inlined flat cum flat_pct cum_pct samples", "top row")
    against = ask(f"top?{cpu}&base=1&limit=3")
    check_fields(against, "base_total", "top with base")
    peek = ask(f"peek?{cpu}&function=main.hot")
    check_fields(peek["rows"][0], "name flat cum callers callees", "peek")
    check_fields(peek["rows"][0]["callers"][0], "name value", "peek caller")
    listing = ask(f"list?{cpu}&function=main.hot&source-path={DATA}/gen/sample")
    function = listing["functions"][0]
    check_fields(function, "name file path start_line flat cum missing lines", "list")
    check_fields(function["lines"][0], "n text flat cum", "list line")
    tags = ask(f"tags?{cpu}")
    check_fields(tags["keys"][0], "key total values", "tags")
    check_fields(tags["keys"][0]["values"][0], "value total pct", "tags value")
    traces = ask(f"traces?{cpu}&limit=2&offset=1&sort=value")
    check_fields(traces, "count rows", "traces")
    check_fields(traces["rows"][0], "value values labels stack", "traces")
    check_fields(traces["rows"][0]["stack"][0], "name file line inlined", "traces stack")
    search = ask(f"search?{cpu}&query=main")
    check_fields(search, "matched total pct functions", "search")
    check_fields(search["functions"][0], "name cum", "search")
    diff = ask(f"diff?{cpu}&base=1&limit=2")
    check_fields(diff["rows"][0], "name flat cum base_flat base_cum state significant", "diff")
    groups = ask(f"goroutines?{dump}")
    check_fields(groups, "total groups", "goroutines")
    check_fields(groups["groups"][0], "key count state wait_max_ns labels creator goroutines stack", "goroutines")
    check_fields(groups["groups"][0]["goroutines"][0], "id state wait_ns", "goroutines")
    check_fields(groups["groups"][0]["stack"][0], "name file line", "goroutines")
    assert sum(g["count"] for g in groups["groups"]) == groups["total"]
    check_fields(ask("ps?probe=0&cpu=0"), "processes", "ps")
    # What the table says is what the flame graph says.
    rows = ask(f"top?{cpu}&limit=0")["rows"]
    frames = server.get(f"/api/flame?{cpu}&format=frames")[2]
    magic, version, n, flags, length = struct.unpack_from("<IIIII", frames)
    assert (magic, version) == (0x31465347, 1) and len(frames) % 8 == 0
    about = json.loads(frames[24:24 + length])
    assert about["total"] == top["total"] and about["unit"] == top["unit"]
    at, columns = 24 + length, []
    assert at % 8 == 0
    for _ in range(4):
        columns.append(struct.unpack_from(f"<{n}I", frames, at))
        at += (4 * n + 7) // 8 * 8
    own = struct.unpack_from(f"<{n}d", frames, at)
    flat = {}
    for name, value in zip(columns[2], own):
        key = about["names"][name]["name"]
        flat[key] = flat.get(key, 0) + value
    for row in rows:
        assert flat.get(row["name"], 0) == row["flat"], row["name"]


@test
def an_endpoint_is_recorded_and_opened():
    with FakeEndpoint({"heap": open(HEAP, "rb").read()}) as endpoint, tempfile.TemporaryDirectory() as folder:
        with Server(cwd=folder) as s:
            s.log_in()
            assert s.json("/api/session")[1]["documents"] == []
            status, answer = s.post("/api/record", {"url": endpoint.url + "heap", "duration_ns": 200000000})
            assert status == 200 and answer == {"job": 1}, answer
            job = s.wait_for_job(1)
            assert job["state"] == "done" and job["documents"] == [1], job
            assert s.json("/api/info")[1]["default_type"] == "inuse_space"
            kept = os.listdir(folder)
            assert len(kept) == 1 and "heap.pprof" in os.listdir(os.path.join(folder, kept[0])), kept
            status, answer = s.post("/api/record", {"url": "http://127.0.0.1:1/debug/pprof/"})
            if status == 200:
                assert s.wait_for_job(answer["job"])["state"] == "failed"
            else:
                assert "127.0.0.1:1" in answer["error"]["text"]
            for bad in ({}, {"pid": 1, "url": "x"}, {"pid": "1"}, {"pid": -5}, {"url": endpoint.url, "frequency": -1},
                        {"url": endpoint.url, "duration_ns": -1}, {"url": "file:///etc/passwd"}):
                status, answer = s.post("/api/record", bad)
                assert status in (400, 404), (bad, status, answer)
            assert s.post("/api/stop", {"job": 99})[0] == 404 and s.post("/api/stop", {})[0] == 400
            assert s.get("/api/jobs?id=99")[0] == 404 and s.get("/api/jobs?id=x")[0] == 400


@test
def a_recording_that_is_stopped_keeps_what_was_taken():
    with FakeEndpoint({"profile": open(CPU, "rb").read(), "heap": open(HEAP, "rb").read()}) as endpoint, \
            tempfile.TemporaryDirectory() as folder, Server(cwd=folder) as s:
        s.log_in()
        status, answer = s.post("/api/record", {"url": endpoint.url, "duration_ns": 60000000000})
        assert status == 200, answer
        time.sleep(0.7)
        assert s.json("/api/jobs?id=1")[1]["state"] == "running"
        status, answer = s.post("/api/stop", {"job": 1})
        assert status == 200
        job = s.wait_for_job(1)
        assert job["state"] in ("stopped", "done") and job["documents"], job


@test
def heap_questions_and_snapshots_say_what_they_need():
    with tempfile.TemporaryDirectory() as folder, Server(CPU, cwd=folder) as s:
        s.log_in()
        for op in ("heap-summary", "heap/summary", "heap-treemap", "heap-topology?type=x", "heap-object?address=0x1"):
            status, answer = s.json("/api/" + op)
            assert status == 400 and "is about a heap" in answer["error"]["text"], (op, status, answer)
        assert s.get("/api/heap/nothing")[0] == 404
        for bad in ({}, {"pid": "1"}, {"pid": 0}, {"pid": -5}, {"pid": 2147483646}, {"url": "http://127.0.0.1"}, {"pid": 1, "max_pause_ns": "1ms"}, {"pid": 1, "max_pause_ns": -1}):
            status, answer = s.post("/api/snapshot", bad)
            assert status in (400, 404) and answer["error"]["text"], (bad, status, answer)
        # No Go program: told at once, or by the job; either way no empty folder stays behind.
        child = subprocess.Popen(["sleep", "60"])
        try:
            status, plan = s.json("/api/snapshot-plan?pid=%d" % child.pid)
            assert status == 200 and plan["pid"] == child.pid and plan["how"] in ("precopy", "fork", "copy") and plan["why"], plan
            assert plan["predicted_pause_ns"] > 0 and plan["memory_bytes"] > 0 and "obstacle" in plan, plan
            status, answer = s.post("/api/snapshot", {"pid": child.pid})
            if status == 200:
                job = s.wait_for_job(answer["job"])
                assert job["state"] == "failed" and job["error"] and job["kind"] == "snapshot", job
            else:
                assert answer["error"]["text"], answer
            assert all(os.listdir(os.path.join(folder, kept)) for kept in os.listdir(folder))
            for bad in ("", "?pid=0", "?pid=x", "?pid=1&pid=2", "?doc=1", "?pid=99999999999"):
                assert s.get("/api/snapshot-plan" + bad)[0] == 400, bad
            assert s.get("/api/snapshot-plan?pid=2147483646")[0] == 404
        finally:
            child.kill()
            child.wait()


@test
def reading_opening_and_recording_at_once():
    # Also what a build with -Db_sanitize=thread is to be run on.
    paths = ["/api/session", "/api/info", "/api/top?n=%d", "/api/flame?format=frames&min=0.0%d", "/api/tree", "/api/tags",
             "/api/traces", "/api/flame?doc=2&format=svg", "/api/diff?base=2&doc=1", "/api/jobs", "/api/search?query=m%d"]
    with FakeEndpoint({"heap": open(HEAP, "rb").read()}) as endpoint, tempfile.TemporaryDirectory() as folder, \
            Server(CPU, HEAP, cwd=folder, timeout="10s") as s:
        s.log_in()

        def one(i):
            if i % 37 == 0:
                return s.post("/api/open", {"path": CPU})[0]
            if i % 41 == 0:
                return s.post("/api/record", {"url": endpoint.url + "heap", "duration_ns": 100000000})[0]
            path = paths[i % len(paths)]
            return s.get(path % (i % 9 + 1) if "%d" in path else path)[0]

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            statuses = list(pool.map(one, range(300)))
        assert set(statuses) <= {200, 404} and statuses.count(200) > 200, statuses
        status, err = s.stop()
        assert status == 0 and err == "", (status, err)


@test
def the_editor_opens_only_what_the_profile_names():
    with tempfile.TemporaryDirectory() as folder:
        said, source = os.path.join(folder, "said"), os.path.join(folder, "main.go")
        editor = os.path.join(folder, "zed")
        with open(editor, "w") as f:
            f.write(f'#!/bin/sh\necho "$@" > {said}.new; mv {said}.new {said}\n')
        os.chmod(editor, 0o755)
        with open(source, "w") as f:
            f.write("package main\n")
        profile = os.path.join(folder, "p.pprof")
        with open(profile, "wb") as f:
            f.write(make_pprof({("main.work", "main.main"): 1}, files={"main.work": source, "main.main": "/etc/passwd"}))
        with Server(profile, env={"PATH": folder + ":" + os.environ["PATH"], "VISUAL": "", "EDITOR": ""}) as s:
            s.log_in()
            assert s.json("/api/session")[1]["editors"] == ["zed"]
            status, answer = s.post("/api/edit", {"doc": 1, "file": source, "line": 12, "editor": "zed"})
            assert status == 200, answer
            deadline = time.monotonic() + 10
            while not os.path.exists(said) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert open(said).read() == f"{source}:12\n"
            for file in ("/etc/hostname", profile, "../main.go", "", source + "x", "--wait"):
                status, answer = s.post("/api/edit", {"doc": 1, "file": file, "line": 1, "editor": "zed"})
                assert status == 403, (file, status, answer)
            # The profile says it, but it is no source.
            assert s.post("/api/edit", {"doc": 1, "file": "/etc/passwd", "line": 1, "editor": "zed"})[0] == 404
            assert s.post("/api/edit", {"doc": 1, "file": source, "line": 1, "editor": "rm -rf"})[0] == 404
            assert s.post("/api/edit", {"doc": 9, "file": source, "line": 1})[0] == 404
            assert s.post("/api/edit", {"doc": 1, "file": source, "line": 1, "editor": "zed"}, origin="http://evil.example")[0] == 403


@test
def it_ends_when_asked():
    status, err = server.stop()
    assert status == 0 and err == "", (status, err)


@test
def what_is_no_command_is_opened():
    with subprocess.Popen([GOSPECT, CPU, "--no-browser"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as p:
        try:
            assert p.stdout.readline().startswith("http://127.0.0.1:")
        finally:
            p.terminate()
        assert p.wait(30) == 0


@test
def other_machines_need_tls():
    for listen in ("0.0.0.0:0", "[::]:0"):
        p = subprocess.run([GOSPECT, "ui", "--no-browser", "--listen", listen, CPU], capture_output=True, text=True, timeout=30)
        assert p.returncode == 2 and "TLS" in p.stderr, p
    p = subprocess.run([GOSPECT, "ui", "--no-browser", "--tls-cert", "x", CPU], capture_output=True, text=True, timeout=30)
    assert p.returncode == 2 and "both" in p.stderr, p
    p = subprocess.run([GOSPECT, "ui", "--no-browser", "--listen", "example.com:1", CPU], capture_output=True, text=True, timeout=30)
    assert p.returncode == 2, p


@test
def https_with_its_own_certificate():
    import ssl
    with tempfile.TemporaryDirectory() as folder:
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                               "-keyout", key, "-out", cert], capture_output=True)
        if made.returncode:
            return  # no openssl tool here
        p = subprocess.Popen([GOSPECT, "ui", "--no-browser", "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key, CPU],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            link = re.fullmatch(r"https://(localhost:(\d+))(/\?token=[0-9a-f]{32})\n", p.stdout.readline())
            trust = ssl._create_unverified_context()
            c = http.client.HTTPSConnection("127.0.0.1", int(link[2]), context=trust, timeout=20)
            c.request("GET", link[3], headers={"Host": link[1]})
            r = c.getresponse()
            cookie = r.headers["Set-Cookie"]
            assert r.status == 303 and "Secure" in cookie
            c = http.client.HTTPSConnection("127.0.0.1", int(link[2]), context=trust, timeout=20)
            c.request("GET", "/api/session", headers={"Host": link[1], "Cookie": cookie.split(";")[0]})
            assert c.getresponse().status == 200
            c = http.client.HTTPSConnection("127.0.0.1", int(link[2]), context=trust, timeout=20)
            c.request("GET", "/api/session", headers={"Cookie": cookie.split(";")[0], "Host": "evil.example"})
            assert c.getresponse().status == 403
        finally:
            p.terminate()
            p.wait(20)


def rss_kb(process):
    with open(f"/proc/{process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])


@test
def closed_documents_leave_the_list_and_free_what_was_kept_for_them():
    with tempfile.TemporaryDirectory() as folder, Server(CPU, HEAP) as s:
        s.log_in()
        large = os.path.join(folder, "large.pprof")
        with open(large, "wb") as f:
            f.write(make_pprof({(f"leaf{i % 97}", f"middle{i % 89}", f"root{i % 83}", f"handler{i}"): i + 1 for i in range(3000)}))
        trace = os.path.join(DATA, "..", "..", "fuzz", "corpus", "gotrace", "go1.26-generations.trace")
        sizes = []
        for i in range(200):
            status, opened = s.post("/api/open", {"path": (large, trace)[i % 2]})
            assert status == 200 and opened["documents"] == [i + 3], opened
            for question in ("flame", "top", "lanes" if i % 2 else "tree"):
                assert s.get(f"/api/{question}?doc={i + 3}")[0] == 200, question
            # A difference to a document that stays lies among the views too.
            assert s.get(f"/api/flame?doc={i + 3}&base=1")[0] in (200, 400)
            assert s.post("/api/close", {"doc": i + 3}) == (200, {})
            assert s.get(f"/api/flame?doc={i + 3}")[0] == 404, "an answer of a closed document is not remembered"
            sizes.append(rss_kb(s.process))
        assert [d["id"] for d in s.json("/api/session")[1]["documents"]] == [1, 2]
        # Kept, they would be more than 500 MB.
        assert max(sizes[150:]) < max(sizes[:50]) * 1.5 + 16000, sizes[::20]
        # Read again and again, it is one document all the same.
        assert s.post("/api/open", {"path": large})[1] == {"documents": [203]}
        for i in range(60):
            os.utime(large, (i, i))
            assert s.post("/api/open", {"again": 203})[1]["documents"] == [203] and s.get("/api/flame?doc=203")[0] == 200
            sizes.append(rss_kb(s.process))
        assert max(sizes[-20:]) < max(sizes[:50]) * 1.5 + 32000, sizes[200::6]
        assert s.post("/api/close", {"doc": 203})[0] == 200
        for wrong, code in (({"doc": 3}, 404), ({"doc": 0}, 404), ({"doc": "1"}, 404), ({}, 404)):
            assert s.post("/api/close", wrong)[0] == code, wrong
        assert s.post("/api/close", {"doc": 1})[0] == 200 and s.json("/api/info")[1]["name"] == "heap.pprof", "the first that is open"
        assert s.post("/api/close", {"doc": 2})[0] == 200
        assert s.json("/api/session")[1]["documents"] == [] and s.get("/api/top")[0] == 404
        assert s.post("/api/open", {"path": CPU})[1] == {"documents": [204]}


@test
def answers_under_way_survive_the_closing():
    with Server(CPU) as s:
        s.log_in()

        def ask(i):
            return {s.get(f"/api/{question}?doc={i}&focus={n}")[0] for n in range(4) for question in ("flame", "top", "tree")}

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for i in range(2, 22):
                assert s.post("/api/open", {"path": HEAP})[1] == {"documents": [i]}
                asked = [pool.submit(ask, i) for _ in range(3)]
                assert s.post("/api/close", {"doc": i})[0] == 200
                for a in asked:
                    assert a.result() <= {200, 404, 400}, a.result()
        assert s.get("/api/flame?doc=1")[0] == 200
        assert s.stop()[0] == 0


@test
def a_file_that_was_written_again_takes_the_place_of_its_reading():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cpu.pprof")
        other = os.path.join(folder, "other.pprof")

        def write(path, **stacks):
            with open(path + ".new", "wb") as f:
                f.write(make_pprof({(name,): n for name, n in stacks.items()}))
            os.replace(path + ".new", path)

        write(path, before=7)
        write(other, other=1)
        with Server(folder) as s:
            s.log_in()
            before = s.get("/api/top?doc=1")
            assert b"before" in before[2] and before[1]["Gospect-Changes"] == "0"
            assert s.post("/api/open", {"again": 1})[1]["documents"] == []
            write(path, after=7, more=1)
            assert s.get("/api/top?doc=1")[2] == before[2], "nothing changes unasked"
            assert s.post("/api/open", {"again": 1})[1]["documents"] == [1]
            status, headers, body = s.get("/api/top?doc=1")
            assert status == 200 and b"after" in body and b"before" not in body and headers["Gospect-Changes"] == "1"
            assert len(s.json("/api/session")[1]["documents"]) == 2
            assert b"other" in s.get("/api/top?doc=2")[2]
            # What cannot be read does not take its place.
            with open(path, "wb") as f:
                f.write(b"rubbish")
            assert s.post("/api/open", {"again": 1})[0] == 400
            assert b"after" in s.get("/api/top?doc=1")[2]
            os.remove(path)
            assert s.post("/api/open", {"again": 1})[0] == 404
            assert s.post("/api/open", {"again": 3})[0] == 404
            assert b"after" in s.get("/api/top?doc=1")[2]


run()
