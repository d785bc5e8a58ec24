"""Those who take part beside the broker: the gateway as it is shipped, the simulated member state, and a small
application. Each is a program of its own on loopback, told apart by names under .localhost, so that cookies are
really cross-site. Nothing but the standard library.
"""

import base64
import hashlib
import http.client
import http.server
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "browser"))
from chromium import Failed  # noqa: E402

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "eidas-gateway")
LOGS = os.environ.get("EIDAS_LOGS")
PATIENCE = 20.0


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Secure(http.client.HTTPSConnection):
    """TLS to this machine, with the certificate of another name."""

    def __init__(self, parts, context):
        super().__init__("127.0.0.1", parts.port, timeout=60)
        self.name, self.context = parts.hostname, context

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.name)


def request(method, url, body=None, headers=None, context=None):
    """One HTTP request to this machine, whatever the host is called: status, headers and body. A `body` that is a
    dict is sent as a form, a list or tuple of one element as JSON. https needs the `context` that trusts it."""
    parts = urllib.parse.urlsplit(url)
    headers = dict(headers or {}, Host=parts.netloc)
    if isinstance(body, dict):
        body = urllib.parse.urlencode(body)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif isinstance(body, (list, tuple)):
        body = json.dumps(body[0])
        headers["Content-Type"] = "application/json"
    plain = parts.scheme == "http"
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60) if plain else Secure(parts, context)
    try:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def until(question, what, patience=PATIENCE):
    """Asks again and again until the answer is true, and gives it back."""
    end = time.monotonic() + patience
    while True:
        try:
            answer = question()
        except OSError:
            answer = None
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what} did not come")
        time.sleep(0.1)


class Program:
    """A process that this run started, and ends."""

    def __init__(self, name, command, **options):
        self.name = name
        self.log = open(os.path.join(LOGS, name + ".log"), "wb") if LOGS else tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                        **options)

    def ready(self, question, patience=PATIENCE):
        try:
            return until(lambda: self.alive() and question(), f"{self.name} is ready, which", patience)
        except Failed as failure:
            raise Failed(f"{failure}: {self.said()[-2000:]}") from None

    def alive(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}")
        return True

    def said(self):
        with open(f"/proc/self/fd/{self.log.fileno()}", "rb") as log:
            return log.read().decode(errors="replace")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def build():
    """The gateway and the member state, as cargo left them: two paths."""
    built = subprocess.run(["cargo", "build", "--locked", "--quiet", "--message-format=json",
                            "--bin", "eidas-gateway", "--example", "member-state"],
                           cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found = [json.loads(line) for line in built.stdout.splitlines() if line.startswith(b"{")]
    programs = {a["target"]["name"]: a["executable"] for a in found if a.get("executable")}
    return programs["eidas-gateway"], programs["member-state"]


class Gateway:
    """A gateway with one country, whose node is beside it. `same_as`: another gateway, whose key for `sub` it shares.
    `behind`: a proxy that ends TLS, with its `issuer`, the `upstream` port where it looks for the gateway, and the
    `certificate` file by which it is recognised."""

    def __init__(self, programs, name="gateway", same_as=None, behind=None):
        self.name = name
        self.program, self.node_program = programs
        self.folder = tempfile.mkdtemp(prefix="eidas-broker-")
        self.port, node_port = behind.upstream if behind else free_port(), free_port()
        self.here = f"http://{name}.localhost:{self.port}"
        self.issuer = behind.issuer if behind else self.here
        self.node = f"http://xa.node.localhost:{node_port}"
        self.file = self.path("gateway.toml")
        self.run("init", self.folder, "--issuer", self.here)
        if same_as:
            shutil.copy(same_as.path("keys/subject.key"), self.path("keys/subject.key"))
        with open(self.file, encoding="utf-8") as file:
            self.start = file.read().split("[[oidc.signing_key]]")[0].replace(self.here, self.issuer)
        self.keys = [("keys/token.key", "RS256")]
        self.clients = []
        self.member_state = Program("node-of-" + name, [
            self.node_program, f"127.0.0.1:{node_port}", self.node, self.issuer,
            self.path("keys/metadata.crt"), self.path("keys/node.crt"), *([behind.certificate] if behind else [])])
        self.member_state.ready(lambda: "ready" in self.member_state.said())
        self.serving = None

    def serve(self, clients):
        """Starts with these clients, and waits until the country can be chosen."""
        self.clients = clients
        self.configure()
        self.start_again()

    def start_again(self):
        self.serving = Program(self.name, [self.program, "serve", "--config", self.file])
        self.serving.ready(lambda: 'id="countries"' in self.get("/"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    @property
    def provider(self):
        """The discovery document."""
        return json.loads(self.get("/.well-known/openid-configuration"))

    def change_key(self):
        """From now on ID tokens are signed with a new key, which nobody has seen before."""
        name = f"keys/token-{len(os.listdir(self.path('keys')))}.key"
        self.run("keys", "generate", "--for", "token", "--key", self.path(name))
        self.keys = [(name, "RS256")]
        self.reload()

    def get(self, path):
        status, _, body = request("GET", self.here + path)
        return body if status == 200 else ""

    def configure(self):
        """Writes gateway.toml, and the secrets that stand beside it."""
        text = self.start
        for key, algorithm in self.keys:
            text += f'[[oidc.signing_key]]\nkey_file = "{key}"\nalgorithm = "{algorithm}"\n\n'
        text += '[subject]\nkey_file = "keys/subject.key"\n\n[audit]\nfile = "audit.log"\n\n'
        text += f'[[country]]\ncode = "XA"\nmetadata_url = "{self.node}/metadata"\nanchor_files = ["keys/node.crt"]\n\n'
        for client in self.clients:
            text += "[[client]]\n"
            for name, value in client.items():
                if name == "secret":
                    self.write(f"keys/{client['id']}.secret", value)
                    name, value = "secret_file", f"keys/{client['id']}.secret"
                text += f"{name} = {json.dumps(value)}\n"
            text += "\n"
        self.write("gateway.toml", text)

    def reload(self):
        """Takes over the configuration as it is written now."""
        before = self.events("configuration_reloaded")
        self.configure()
        self.serving.process.send_signal(signal.SIGHUP)
        until(lambda: self.events("configuration_reloaded") > before, "the changed configuration")

    def events(self, name):
        """How often something stands in the audit record."""
        try:
            with open(self.path("audit.log"), encoding="utf-8") as file:
                return file.read().count(f'"{name}"')
        except FileNotFoundError:
            return 0

    def stop(self):
        """Ends the gateway, as an outage does; its node stays."""
        self.serving.close()

    def close(self):
        for program in (self.serving, self.member_state):
            if program and not program.log.closed:
                program.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def unsealed(token):
    """The claims of a JWT. Nothing is verified: the application trusts whom it asked."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


class Application:
    """An application that logs people in through a broker and shows what it is told."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://application.localhost:{self.port}"
        self.client_id, self.client_secret = "application", secrets.token_urlsafe(24)
        self.provider, self.scope, self.context = None, "openid", None
        self.waiting, self.sessions = {}, {}
        application = self

        class Page(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self):
                application.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, page):
        parts = urllib.parse.urlsplit(page.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path == "/login":
            return self.redirect(page, self.begin(query))
        if parts.path == "/logout":
            return self.redirect(page, self.end(query["session"]))
        if parts.path == "/callback":
            return self.show(page, self.redeem(query))
        return self.show(page, {"page": parts.path})

    def begin(self, wishes):
        state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
        self.waiting[state] = verifier
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {"response_type": "code", "client_id": self.client_id, "redirect_uri": self.url + "/callback",
                 "scope": self.scope, "state": state, "code_challenge": challenge, "code_challenge_method": "S256"}
        return self.provider["authorization_endpoint"] + "?" + urllib.parse.urlencode({**query, **wishes})

    def redeem(self, query):
        verifier = self.waiting.pop(query.get("state"), None)
        if not verifier or "error" in query:
            return {"error": query.get("error", "state"), "description": query.get("error_description", "")}
        status, _, body = request("POST", self.provider["token_endpoint"], {
            "grant_type": "authorization_code", "code": query["code"], "redirect_uri": self.url + "/callback",
            "client_id": self.client_id, "client_secret": self.client_secret, "code_verifier": verifier},
            context=self.context)
        if status != 200:
            return {"error": body}
        answer = json.loads(body)
        session = unsealed(answer["id_token"]).get("sid", secrets.token_urlsafe(8))
        self.sessions[session] = answer["id_token"]
        # The gateway's own access tokens are opaque; a broker's are usually JWTs.
        access_token = answer["access_token"]
        return {"session": session, "id_token": unsealed(answer["id_token"]),
                "access_token": unsealed(access_token) if access_token.count(".") == 2 else None}

    def end(self, session):
        query = {"id_token_hint": self.sessions.pop(session), "post_logout_redirect_uri": self.url + "/goodbye"}
        return self.provider["end_session_endpoint"] + "?" + urllib.parse.urlencode(query)

    @staticmethod
    def redirect(page, to):
        page.send_response(302)
        page.send_header("Location", to)
        page.end_headers()

    @staticmethod
    def show(page, result):
        text = json.dumps(result).replace("&", "&amp;").replace("<", "&lt;")
        body = f"<!doctype html><title>Application</title><pre id=result>{text}</pre>".encode()
        page.send_response(200)
        page.send_header("Content-Type", "text/html; charset=utf-8")
        page.end_headers()
        page.wfile.write(body)
