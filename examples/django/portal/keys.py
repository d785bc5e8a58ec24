"""The provider's public keys: fetched when they are first needed, kept for hours, fetched again when a token names one
that is not among them. The library itself fetches them at every login."""

import threading
import time

import jwt
import requests
from django.conf import settings
from django.core.exceptions import SuspiciousOperation


class Keys:
    """The keys at one address. One set for all threads of the process."""

    def __init__(self, uri, fetch=None, clock=time.monotonic):
        self.uri = uri
        self.fetch = fetch or self.fetch_over_http
        self.clock = clock
        self.lock = threading.Lock()
        self.known = {}
        self.fetched = None

    def fetch_over_http(self):
        answer = requests.get(self.uri, timeout=settings.OIDC_TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def of(self, token):
        """The key that signed a token, if the provider publishes it."""
        header = jwt.get_unverified_header(token)
        wanted = header.get("kid"), header.get("alg")
        with self.lock:
            age = None if self.fetched is None else self.clock() - self.fetched
            if age is None or age > settings.EIDAS_KEYS_KEPT:
                self.refresh()
            elif wanted not in self.known and age > settings.EIDAS_KEYS_PAUSE:
                self.refresh()
            key = self.known.get(wanted)
        if key is None:
            raise SuspiciousOperation("the token is signed with a key that the provider does not publish")
        return key

    def refresh(self):
        """What cannot be fetched leaves the keys as they were; without any, nobody logs in."""
        try:
            published = self.fetch()["keys"]
        except (requests.RequestException, ValueError, KeyError):
            if not self.known:
                raise
            return
        self.known, self.fetched = dict(filter(None, map(self.usable, published))), self.clock()

    @staticmethod
    def usable(published):
        """A key of our algorithm, under its name; None for every other, however odd."""
        algorithm = settings.OIDC_RP_SIGN_ALGO
        if published.get("use", "sig") != "sig" or "kid" not in published or published.get("alg", algorithm) != algorithm:
            return None
        try:
            return (published["kid"], algorithm), jwt.PyJWK(published, algorithm)
        except jwt.PyJWTError:
            return None


_shared = {}


def shared(uri):
    """The keys at an address, shared by the process."""
    return _shared.setdefault(uri, Keys(uri))
