#!/usr/bin/env python3
"""Profiles from servers that want to know who asks: `gospect pprof -tls_cert -tls_key -tls_ca` and the endpoint options of every operation, against a server of this machine."""
import http.server
import os
import ssl
import subprocess
import tempfile
import threading

from harness import DATA, GOSPECT, run, test

folder = tempfile.TemporaryDirectory()
PROFILE = os.path.join(DATA, "go1.22", "heap.pprof")


def at(name):
    return os.path.join(folder.name, name)


def openssl(*args):
    return subprocess.run(["openssl", *args], capture_output=True, check=True)


def make_certificates():
    """One authority, a server and a client that it signed, and a client that signed itself."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout", at("ca.key"), "-out", at("ca.pem"))
    for name in ("server", "client"):
        with open(at("names"), "w") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", at(name + ".key"), "-out", at(name + ".csr"))
        openssl("x509", "-req", "-days", "2", "-in", at(name + ".csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial",
                "-extfile", at("names"), "-out", at(name + ".pem"))
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stranger", "-keyout", at("stranger.key"), "-out", at("stranger.pem"))


class Endpoint(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        Endpoint.seen.append(self.headers["Authorization"])
        with open(PROFILE, "rb") as f:
            body = f.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # refused clients are the point


def serve(wants_client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(at("server.pem"), at("server.key"))
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(at("ca.pem"))
    server = Quiet(("127.0.0.1", 0), Endpoint)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://localhost:{server.server_address[1]}/debug/pprof/heap"


def ask(url, **files):
    flags = [f"-tls_{k}={at(v)}" for k, v in files.items()]
    return subprocess.run([GOSPECT, "pprof", "-top", *flags, url], capture_output=True, text=True, timeout=60)


LOCAL = subprocess.run([GOSPECT, "pprof", "-top", PROFILE], capture_output=True, text=True, timeout=60).stdout


@test
def the_servers_certificate_is_checked():
    url = serve(False)
    assert ask(url).returncode == 2
    assert ask(url, ca="stranger.pem").returncode == 2
    p = ask(url, ca="ca.pem")
    assert p.returncode == 0 and p.stdout == LOCAL, p
    p = ask(url.replace("https:", "https+insecure:"))
    assert p.returncode == 0 and p.stdout == LOCAL, p


@test
def a_client_shows_its_certificate():
    url = serve(True)
    assert ask(url, ca="ca.pem").returncode == 2
    assert ask(url, ca="ca.pem", cert="stranger.pem", key="stranger.key").returncode == 2
    p = ask(url, ca="ca.pem", cert="client.pem", key="client.key")
    assert p.returncode == 0 and p.stdout == LOCAL, p


@test
def every_operation_can_be_let_in():
    url = serve(True)
    files = ["--ca", at("ca.pem"), "--cert", at("client.pem"), "--key", at("client.key")]
    want = subprocess.run([GOSPECT, "top", PROFILE], capture_output=True, text=True, timeout=60).stdout
    p = subprocess.run([GOSPECT, "top", "-q", *files, url], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and p.stdout == want, p
    p = subprocess.run([GOSPECT, "top", "-q", *files[2:], "--insecure", url], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and p.stdout == want, p
    p = subprocess.run([GOSPECT, "top", "-q", *files[:2], url], capture_output=True, text=True, timeout=60)
    assert p.returncode != 0 and not p.stdout, p


@test
def the_page_of_pprof_is_let_in():
    url = serve(True)
    with tempfile.TemporaryDirectory() as home:  # what it records is kept in the current folder
        flags = [f"-tls_{k}={at(v)}" for k, v in (("ca", "ca.pem"), ("cert", "client.pem"), ("key", "client.key"))]
        p = subprocess.Popen([GOSPECT, "pprof", "-http=localhost:0", "-no_browser", *flags, url], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=home)
        try:
            assert p.stdout.readline().startswith("http://127.0.0.1:")
            captures = os.listdir(home)
            assert len(captures) == 1 and "heap.pprof" in os.listdir(os.path.join(home, captures[0])), captures
        finally:
            p.terminate()
            p.wait(20)


@test
def headers_and_tokens():
    url = serve(False)
    with open(at("token"), "w") as f:
        f.write("secret\n")
    for how in (["--bearer", "secret"], ["--bearer", "@" + at("token")], ["-H", "Authorization: Bearer secret", "-H", "X-Other: 1"]):
        Endpoint.seen = []
        p = subprocess.run([GOSPECT, "top", "-q", "--ca", at("ca.pem"), *how, url], capture_output=True, text=True, timeout=60)
        assert p.returncode == 0 and "Bearer secret" in Endpoint.seen, (p, Endpoint.seen)


@test
def half_of_a_pair_is_an_error():
    p = ask("https://localhost:1/debug/pprof/heap", cert="client.pem")
    assert p.returncode == 2 and "-tls_cert is specified, so -tls_key must also be specified" in p.stderr, p
    p = ask("https://localhost:1/debug/pprof/heap", key="client.key")
    assert p.returncode == 2 and "-tls_key is specified, so -tls_cert must also be specified" in p.stderr, p


try:
    make_certificates()
except FileNotFoundError:
    print("1..0 # SKIP no openssl tool here")
else:
    run()
