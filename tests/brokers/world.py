"""What the tests with real brokers have in common: who takes part, and what a person does."""

import contextlib
import os
import re

import keycloak
import parties

EXAMPLES = os.path.join(parties.ROOT, "examples", "keycloak")


class World:
    """A gateway, and whoever is added. All of them end with `close`."""

    def __init__(self):
        self.parts = []
        self.programs = parties.build()
        self.gateway = self.with_part(parties.Gateway(self.programs))
        self.keycloak = None

    @classmethod
    @contextlib.contextmanager
    def made(cls):
        """A world that ends at once if it cannot be made to its end."""
        world = cls()
        try:
            yield world
        except BaseException:
            world.close()
            raise

    def with_part(self, part):
        self.parts.append(part)
        return part

    def start_keycloak(self, application, secret, names=()):
        """A Keycloak in front of the gateway, for an application at this address."""
        self.keycloak = self.with_part(keycloak.Keycloak(os.path.join(EXAMPLES, "realm.json"), {
            "EIDAS_ISSUER": self.gateway.issuer, "APPLICATION_URL": application, "APPLICATION_SECRET": secret}, names))

    def client(self, name, alias="eidas", **settings):
        """This Keycloak as a client of the gateway. By all names it sees the same `sub`."""
        realm = f"{self.keycloak.url}/realms/{self.keycloak.realm}"
        if "authentication" not in settings:
            settings = {"authentication": "private_key_jwt", "assertion_alg": "RS256",
                        "jwks_uri": self.keycloak.provider["jwks_uri"], **settings}
        return {"id": name, "name": "Citizens' portal", "preset": "keycloak", "sector": "public", "sector_id": "citizens",
                "redirect_uris": [f"{realm}/broker/{alias}/endpoint"],
                "post_logout_redirect_uris": [f"{realm}/broker/{alias}/endpoint/logout_response"], **settings}

    def close(self):
        for part in reversed(self.parts):
            part.close()


class Person:
    """Someone with a browser of their own."""

    def __init__(self, browser, world, name):
        self.tab, self.browser, self.world, self.name = browser.context(), browser, world, name

    def __getattr__(self, name):
        return getattr(self.tab, name)

    @contextlib.contextmanager
    def another(self):
        """The same person in another browser."""
        other = type(self)(self.browser, self.world, self.name + "-elsewhere")
        try:
            yield other
        finally:
            other.tab.leave()

    def abroad(self, citizen):
        """Chooses the country, and is this citizen there."""
        self.click("#country-XA")
        self.click(f"#citizen-{citizen}")

    def back_from_keycloak(self, because):
        """Keycloak says why it does not go on; then its way back to the application is taken."""
        self.reads("#kc-error-message .instruction", because)
        self.click("#backToApplication")

    def hosts(self, since=0):
        """Who was visited, in turn."""
        names = [re.sub(r"http://([^/:]+)\.localhost.*", r"\1", url) for url in self.visited[since:] if "localhost" in url]
        return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]
