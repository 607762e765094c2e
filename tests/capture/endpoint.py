"""An endpoint that looks like net/http/pprof, with the faults that a test asks for."""
import gzip
import http.server
import os
import pathlib
import select
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.parse

PROFILE = gzip.compress(b"\x0a\x04\x08\x01\x10\x02\x32\x00\x32\x07samples\x32\x05count")
NAMES = ["allocs", "block", "goroutine", "heap", "mutex", "threadcreate"]


def index(names, goroutines):
    count = {"goroutine": goroutines}
    rows = "".join(f"<tr><td>{count.get(n, 1)}</td><td><a href='{n}?debug=1'>{n}</a></td></tr>" for n in names)
    return (f"<html><head><title>/debug/pprof/</title></head><body>/debug/pprof/<br><p>Types of profiles available:</p><table>{rows}</table>"
            "<a href=\"goroutine?debug=2\">full goroutine stack dump</a></body></html>").encode()


class Endpoint:
    """faults: {"heap": (status, body)}; authorization: the header that must come; write_timeout: as in Go's server."""

    def __init__(self, faults=None, names=NAMES, authorization=None, write_timeout=None, tls=None, unix=None, redirect=None, prefix="/debug/pprof/",
                 goroutines=1):
        self.seen = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self):
                return "test"

            def log_message(self, *_):
                pass

            def answer(self, status, body, kind="application/octet-stream", headers=()):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def sleep(self, seconds):
                """As Go's: until the time is over or the client closed its half. True when it did."""
                ready, _, _ = select.select([self.connection], [], [], seconds)
                return bool(ready)

            def do_GET(self):
                url = urllib.parse.urlparse(self.path)
                query = urllib.parse.parse_qs(url.query)
                outer.seen.append((self.command, self.path, dict(self.headers)))
                if authorization and self.headers.get("Authorization") != authorization:
                    return self.answer(401, b"who are you?\n", "text/plain")
                if redirect:
                    return self.answer(302, b"", "text/plain", [("Location", redirect + self.path)])
                if not url.path.startswith(prefix):
                    return self.answer(404, b"404 page not found\n", "text/plain")
                name = url.path[len(prefix):]
                seconds = float(query.get("seconds", [30 if name == "profile" else 0])[0])
                if name in (faults or {}):
                    fault = faults[name]
                    return fault(self) if callable(fault) else self.answer(*fault)
                if name == "":
                    return self.answer(200, index(names, goroutines), "text/html")
                if write_timeout and seconds >= write_timeout:
                    return self.answer(400, b"profile duration exceeds server's WriteTimeout\n", "text/plain", [("X-Go-Pprof", "1")])
                if name == "trace":
                    self.sleep(seconds)
                    return self.answer(200, b"go 1.26 trace\0\0\0" + bytes(1000))
                if name != "profile" and name not in names:
                    return self.answer(404, b"Unknown profile\n", "text/plain", [("X-Go-Pprof", "1")])
                if query.get("debug") == ["2"]:
                    return self.answer(200, b"goroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1\n", "text/plain")
                if seconds and self.sleep(seconds) and name != "profile":
                    return self.answer(500, b"context canceled\n", "text/plain")
                self.answer(200, PROFILE)

            def do_POST(self):
                outer.seen.append((self.command, self.path, dict(self.headers)))
                self.answer(405, b"")

        if unix:
            class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
                daemon_threads = True
            self.server = Server(unix, Handler)
            self.port, self.url = 0, f"unix:{unix}"
        else:
            class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
                daemon_threads = True
                request_queue_size = 64
            self.server = Server(("127.0.0.1", 0), Handler)
            self.port = self.server.server_address[1]
            self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.server.handle_error = lambda *_: None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls[0], tls[1])
            if len(tls) > 2:
                context.load_verify_locations(tls[2])
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def paths(self):
        return [p for _, p, _ in self.seen]


def certificate(folder, name, host="127.0.0.1"):
    """(certificate, key), signed by itself; None without openssl."""
    cert, key = pathlib.Path(folder) / f"{name}.pem", pathlib.Path(folder) / f"{name}.key"
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj",
                        f"/CN={host}", "-addext", f"subjectAltName=IP:{host}"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return str(cert), str(key)
