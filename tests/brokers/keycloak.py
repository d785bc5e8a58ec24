"""A real Keycloak: fetched once into the cache, prepared once, started with a realm on loopback."""

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import zipfile

from parties import CACHE, Failed, Program, free_port, request

VERSION = "26.7.3"
HOME = os.path.join(CACHE, f"keycloak-{VERSION}")
HEAP = "-Xms64m -Xmx512m"


class Missing(Exception):
    """Keycloak, or what it runs on, is not to be had here."""


def java():
    """Keycloak 26 runs on Java 17 or newer."""
    program = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True).stderr
    except FileNotFoundError:
        raise Missing("there is no java") from None
    version = re.search(r'version "(\d+)', said)
    if not version or int(version[1]) < 17:
        raise Missing(f"Java 17 or newer is needed: {said.strip()}")


def fetch():
    """The distribution, unpacked, built for production and with an empty database, in the cache."""
    java()
    if os.path.isdir(HOME):
        return
    if not shutil.which("mvn"):
        raise Missing("there is no mvn to fetch Keycloak with")
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as here:
        artifact = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
        done = subprocess.run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={here}"],
                              cwd=here, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Missing(f"{artifact} cannot be fetched: {done.stdout[-500:]}")
        with zipfile.ZipFile(os.path.join(here, f"keycloak-quarkus-dist-{VERSION}.zip")) as archive:
            archive.extractall(here)
        home = os.path.join(here, f"keycloak-{VERSION}")
        script = os.path.join(home, "bin", "kc.sh")
        os.chmod(script, 0o755)
        built = subprocess.run([script, "build", "--db=dev-file", "--health-enabled=true", "--features-disabled=twitter-broker"],
                               cwd=home, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if built.returncode:
            raise Failed(f"kc.sh build: {built.stdout[-2000:]}")
        # Making the tables takes longer than everything else. The administrator is made with them.
        with open(os.path.join(home, "password"), "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24))
        first = Keycloak(None, {}, home=home)
        first.program.close()
        shutil.move(os.path.join(first.folder, "data"), os.path.join(home, "empty"))
        first.close()
        os.rename(home, HOME)


class Keycloak:
    """Keycloak with the realm of a file. `variables` are what the file leaves open; `names` it has to know as well."""

    def __init__(self, realm, variables, names=(), home=HOME):
        # A home of its own, with what never changes by reference.
        self.folder = tempfile.mkdtemp(prefix="eidas-keycloak-")
        shutil.copytree(os.path.join(home, "bin"), self.path("bin"))
        for name in ("conf", "lib", "providers", "themes"):
            os.symlink(os.path.join(home, name), self.path(name))
        if os.path.isdir(os.path.join(home, "empty")):
            shutil.copytree(os.path.join(home, "empty"), self.path("data"))
        os.makedirs(self.path("data/import"), exist_ok=True)
        # Java asks this file for names, and nobody else.
        names = {"localhost", "keycloak.localhost", *names}
        names |= {name for value in variables.values() for name in re.findall(r"[a-z.-]+\.localhost", value)}
        with open(self.path("hosts"), "w", encoding="utf-8") as file:
            file.write("127.0.0.1 " + " ".join(sorted(names)) + "\n")
        port, management = free_port(), free_port()
        self.url = f"http://keycloak.localhost:{port}"
        with open(os.path.join(home, "password"), encoding="utf-8") as file:
            self.password = file.read()
        environment = dict(
            os.environ, **variables, JAVA_OPTS_KC_HEAP=HEAP,
            JAVA_OPTS_APPEND=f"-Djdk.net.hosts.file={self.path('hosts')} -XX:TieredStopAtLevel=1",
            KC_BOOTSTRAP_ADMIN_USERNAME="test", KC_BOOTSTRAP_ADMIN_PASSWORD=self.password,
        )
        command = [
            self.path("bin/kc.sh"), "start", "--optimized", "--cache=local", "--http-enabled=true",
            "--http-host=127.0.0.1", f"--http-port={port}", f"--http-management-port={management}",
            f"--hostname={self.url}", "--log-level=info,org.keycloak.events:debug",
        ]
        self.realm = None
        if realm:
            shutil.copy(realm, self.path("data/import"))
            command.append("--import-realm")
            with open(realm, encoding="utf-8") as file:
                self.realm = json.load(file)["realm"]
        self.program = Program("keycloak", command, cwd=self.folder, env=environment)
        self.program.ready(lambda: "Bootstrap completed" in self.program.said(), 300)

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def provider(self):
        """The realm's discovery document."""
        return json.loads(request("GET", f"{self.url}/realms/{self.realm}/.well-known/openid-configuration")[2])

    def public_keys(self):
        """The realm's JWK Set."""
        return request("GET", self.provider["jwks_uri"])[2]

    def close(self):
        if not self.program.log.closed:
            self.program.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Administration

    def admin(self, method, path, body=None):
        """One call of the administration interface, below the realm. Tokens live for a minute; each call has its own."""
        token = request("POST", self.url + "/realms/master/protocol/openid-connect/token", {
            "grant_type": "password", "client_id": "admin-cli", "username": "test", "password": self.password})
        bearer = {"Authorization": "Bearer " + json.loads(token[2])["access_token"]}
        body = None if body is None else [body]
        status, _, text = request(method, f"{self.url}/admin/realms/{self.realm}{path}", body, bearer)
        if status >= 300:
            raise Failed(f"{method} {path}: {status} {text}")
        return json.loads(text) if text else None

    def users(self):
        """Everybody in the realm, with all attributes."""
        return self.admin("GET", "/users?briefRepresentation=false&max=100")

    def roles(self, user):
        return {role["name"] for role in self.admin("GET", f"/users/{user['id']}/role-mappings/realm")}

    @contextlib.contextmanager
    def changed(self, **config):
        """For as long as the block lasts, the identity provider has other settings."""
        path = "/identity-provider/instances/eidas"
        before, now = self.admin("GET", path), self.admin("GET", path)
        now["config"].update(config)
        self.admin("PUT", path, now)
        try:
            yield
        finally:
            self.admin("PUT", path, before)

    def new_key(self, algorithm, provider="rsa-generated"):
        """From now on the realm uses a new key for what it does by this algorithm."""
        config = {"priority": ["200"], "algorithm": [algorithm]}
        self.admin("POST", "/components", {"name": "new " + algorithm, "providerId": provider, "config": config,
                                           "providerType": "org.keycloak.keys.KeyProvider"})

    def import_part(self, file, old, new):
        """A partial import of a file, after `old` was replaced in it."""
        with open(file, encoding="utf-8") as file:
            self.admin("POST", "/partialImport", json.loads(file.read().replace(old, new)))

    def lead_to(self, alias):
        """Sends everybody who logs in to another identity provider."""
        (step,) = [step for step in self.admin("GET", "/authentication/flows/eidas%20browser/executions")
                   if step["providerId"] == "identity-provider-redirector"]
        path = f"/authentication/config/{step['authenticationConfig']}"
        config = self.admin("GET", path)
        config["config"]["defaultProvider"] = alias
        self.admin("PUT", path, config)
