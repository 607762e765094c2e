"""A running `gospect ui` to talk to, and TAP. Standard library only."""
import http.client
import http.server
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse

GOSPECT = os.path.abspath(os.environ["GOSPECT"])
DATA = os.path.abspath(os.path.join(os.environ["GS_TESTS_DIR"], "data"))


class Server:
    """`gospect ui --no-browser` with a one second request timeout."""

    def __init__(self, *args, timeout="1s", cwd=None, env=None):
        self.process = subprocess.Popen([GOSPECT, "ui", "--no-browser", "--timeout", timeout, *args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
                                        env={**os.environ, **(env or {})})
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        self.link = self.process.stdout.readline().strip() if ready else ""
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{32})", self.link)
        if not found:
            self.process.kill()
            raise RuntimeError(f"no link: {self.link!r} {self.process.stderr.read()}")
        self.port, self.token, self.cookie = int(found[1]), found[2], None
        self.host = f"127.0.0.1:{self.port}"
        self.origin = f"http://{self.host}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        try:
            _, err = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, err

    def request(self, method, path, body=None, headers=None, cookie=True, host=None, connection=None):
        """(status, headers, body)"""
        c = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if host != "":
            c.putheader("Host", host or self.host)
        if cookie and self.cookie:
            c.putheader("Cookie", self.cookie)
        for name, value in (headers or {}).items():
            c.putheader(name, value)
        if body is not None and "Content-Length" not in (headers or {}):
            c.putheader("Content-Length", str(len(body)))
        c.endheaders()
        if body is not None:
            c.send(body)
        r = c.getresponse()
        data = r.read()
        if not connection:
            c.close()
        return r.status, r.headers, data

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def json(self, path, **more):
        status, _, body = self.get(path, **more)
        return status, json.loads(body)

    def post(self, path, value, origin=True, **more):
        headers = {"Content-Type": "application/json"}
        if origin:
            headers["Origin"] = self.origin if origin is True else origin
        headers.update(more.pop("headers", {}))
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        status, _, data = self.request("POST", path, body=body, headers=headers, **more)
        return status, json.loads(data) if data else None

    def log_in(self):
        status, headers, _ = self.get(f"/?token={self.token}")
        self.cookie = headers["Set-Cookie"].split(";")[0]
        return status, headers

    def wait_for_job(self, number, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            job = self.json(f"/api/jobs?id={number}")[1]
            if job["state"] != "running" or time.monotonic() > deadline:
                return job
            time.sleep(0.05)

    def raw(self, data, timeout=10):
        """Send bytes as they are; all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            out = b""
            try:
                while chunk := s.recv(65536):
                    out += chunk
            except (ConnectionResetError, socket.timeout):
                pass
            return out


class FakeEndpoint:
    """A pprof endpoint that answers with the profiles it is given; "profile" takes as long as it is asked to."""

    def __init__(self, profiles):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                name = url.path.removeprefix("/debug/pprof/")
                seconds = float(urllib.parse.parse_qs(url.query).get("seconds", ["0"])[0])
                if name == "profile" and seconds:
                    # As Go does it: a client that goes away ends it.
                    select.select([self.connection], [], [], seconds)
                body = profiles.get(name)
                if name == "":
                    body = b"<html><title>/debug/pprof/</title>" + b"".join(
                        b"<a href='%s?debug=1'>%s</a>" % (p.encode(), p.encode()) for p in profiles) + b"</html>"
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                try:
                    self.wfile.write(body or b"")
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/debug/pprof/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def _varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def _field(number, value):
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def make_pprof(stacks, labels=(), files=None):
    """profile.proto bytes of {(leaf, caller, ...): count}; every sample gets the (key, value) labels; files of functions."""
    strings = [""]

    def text(s):
        if s not in strings:
            strings.append(s)
        return strings.index(s)

    out = _field(1, _field(1, text("samples")) + _field(2, text("count")))
    names = []
    for stack, count in stacks.items():
        ids = b""
        for name in stack:
            if name not in names:
                names.append(name)
            ids += _varint(names.index(name) + 1)
        sample = _field(1, ids) + _field(2, _varint(count))
        for key, value in labels:
            sample += _field(3, _field(1, text(key)) + _field(2, text(value)))
        out += _field(2, sample)
    for i, name in enumerate(names, 1):
        out += _field(4, _field(1, i) + _field(4, _field(1, i) + _field(2, i)))
        out += _field(5, _field(1, i) + _field(2, text(name)) + _field(3, text(name)) + _field(4, text((files or {}).get(name, name + ".go"))))
    return out + b"".join(_field(6, s.encode("utf-8", "surrogateescape")) for s in strings)


TESTS = []


def test(fn):
    TESTS.append(fn)
    return fn


def run():
    failed = 0
    wanted = sys.argv[1:]
    tests = [t for t in TESTS if not wanted or any(w in t.__name__ for w in wanted)]
    print(f"1..{len(tests)}")
    for i, fn in enumerate(tests, 1):
        try:
            fn()
            print(f"ok {i} - {fn.__name__}")
        except Exception:
            failed += 1
            print(f"not ok {i} - {fn.__name__}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
