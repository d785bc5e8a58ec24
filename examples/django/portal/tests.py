"""No network: a provider in this process signs tokens with keys of its own. tests/brokers/django in the root of the
repository does the same with real ones."""

import json
import time
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.test import SimpleTestCase, TestCase

from . import keys
from .loa import TRIES, URIS, rank

KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


def published(**named):
    """A JWK Set with these keys."""
    return {"keys": [{**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "RS256", "use": "sig"}
                     for kid, key in named.items()]}


class Provider:
    """Answers in place of the network. Each attribute can be set to what a faulty or foreign provider would send."""

    def __init__(self):
        self.jwks = published(one=KEY)
        self.fetched = 0
        self.key, self.kid = KEY, "one"
        self.id_token, self.userinfo = {}, {}
        self.status = 200

    def claims(self, nonce):
        now = int(time.time())
        claims = {
            "iss": settings.OIDC_OP_ISSUER, "aud": settings.OIDC_RP_CLIENT_ID, "sub": "sub-of-astrid", "nonce": nonce, "iat": now,
            "exp": now + 300, "auth_time": now, "eidas_loa": URIS["substantial"], **self.id_token,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def get(self, url, **_):
        if url == settings.OIDC_OP_JWKS_ENDPOINT:
            self.fetched += 1
            return answer(self.status, self.jwks)
        subject = {"sub": self.id_token.get("sub", "sub-of-astrid"), "given_name": "Astrid", "family_name": "Lindqvist"}
        return answer(200, {**subject, "eidas_country": "XA", **self.userinfo})

    def post(self, url, data, **_):
        assert url == settings.OIDC_OP_TOKEN_ENDPOINT
        assert len(data["code_verifier"]) >= 43
        token = jwt.encode(self.claims(data["code"]), self.key, algorithm="RS256", headers={"kid": self.kid})
        return answer(200, {"access_token": "opaque", "id_token": token, "token_type": "Bearer"})


def answer(status, content):
    made = requests.Response()
    made.status_code, made.url = status, "https://provider.example"
    made._content = json.dumps(content).encode()
    made.headers["Content-Type"] = "application/json"
    return made


class WithProvider(TestCase):
    def setUp(self):
        self.provider = Provider()
        for name in ("get", "post"):
            patched = mock.patch("requests." + name, getattr(self.provider, name))
            patched.start()
            self.addCleanup(patched.stop)
        keys._shared.clear()
        self.addCleanup(keys._shared.clear)

    def asked(self, page):
        """What a page asks of the provider, without going there."""
        asked = self.client.get(page)
        while urlsplit(asked["Location"]).hostname is None:
            asked = self.client.get(asked["Location"])
        return dict(parse_qsl(urlsplit(asked["Location"]).query))

    def come_back(self, asked, **instead):
        """The provider sends the person back. The code is the nonce, so that the provider knows it."""
        return self.client.get("/oidc/callback/", {"code": asked["nonce"], "state": asked["state"], **instead})

    def log_in(self, page="/oidc/authenticate/"):
        return self.come_back(self.asked(page))

    def refused(self, back):
        self.assertRedirects(back, "/not-logged-in")
        self.assertNotIn("_auth_user_id", self.client.session)
        self.assertEqual(User.objects.count(), 0)


class LoginTests(WithProvider):
    def test_somebody_new_gets_an_account_under_their_sub(self):
        self.assertRedirects(self.log_in(), "/")
        user = User.objects.get()
        self.assertEqual((user.username, user.first_name, user.last_name, user.email), ("sub-of-astrid", "Astrid", "Lindqvist", ""))
        self.assertFalse(user.has_usable_password())
        self.assertContains(self.client.get("/"), "Welcome, Astrid Lindqvist")

    def test_who_comes_back_has_the_same_account_with_what_is_known_now(self):
        self.log_in()
        self.provider.userinfo = {"family_name": "Berg"}
        self.client.logout()
        self.log_in()
        self.assertEqual(User.objects.get().last_name, "Berg")

    def test_who_has_the_same_name_and_another_sub_is_somebody_else(self):
        self.log_in()
        self.client.logout()
        self.provider.id_token = {"sub": "sub-of-another"}
        self.log_in()
        self.assertEqual(User.objects.count(), 2)

    def test_a_company_has_its_name(self):
        self.provider.userinfo = {"given_name": None, "family_name": None, "eidas_legal_name": "Nordhavn Vindkraft AS"}
        self.log_in()
        self.assertContains(self.client.get("/"), "Welcome, Nordhavn Vindkraft AS")

    def test_the_request_has_pkce_nonce_and_state(self):
        asked = self.asked("/oidc/authenticate/")
        self.assertEqual(asked["code_challenge_method"], "S256")
        self.assertEqual(len(asked["code_challenge"]), 43)
        self.assertEqual(asked["scope"], settings.OIDC_RP_SCOPES)
        self.assertNotIn("acr_values", asked)

    def test_nobody_is_sent_elsewhere_after_the_login(self):
        self.assertRedirects(self.log_in("/oidc/authenticate/?next=https://evil.example/"), "/")


class RefusedTests(WithProvider):
    """One fault each, in an otherwise good answer."""

    def refuse(self, **id_token):
        self.provider.id_token = id_token
        with self.assertLogs("portal.oidc", "WARNING"):
            self.refused(self.log_in())

    def test_a_token_of_another_issuer(self):
        self.refuse(iss="https://other.example")

    def test_a_token_for_another_client(self):
        self.refuse(aud="other")

    def test_a_token_for_us_and_issued_to_another(self):
        self.refuse(aud=[settings.OIDC_RP_CLIENT_ID, "other"], azp="other")

    def test_a_token_of_another_login(self):
        self.refuse(nonce="another")

    def test_a_token_that_has_expired(self):
        self.refuse(exp=int(time.time()) - 60)

    def test_a_token_of_the_future(self):
        self.refuse(iat=int(time.time()) + 300)

    def test_a_token_without_an_end(self):
        self.refuse(exp=None)

    def test_a_token_signed_by_another_key_under_a_known_name(self):
        self.provider.key = OTHER_KEY
        self.refuse()

    def test_a_token_signed_by_a_key_that_nobody_publishes(self):
        self.provider.key, self.provider.kid = OTHER_KEY, "two"
        self.refuse()

    def test_keys_that_cannot_be_fetched(self):
        self.provider.status = 503
        self.refuse()

    def test_userinfo_about_somebody_else(self):
        self.provider.userinfo = {"sub": "sub-of-another"}
        self.refused(self.log_in())

    def test_a_level_that_nobody_knows(self):
        self.provider.id_token = {"eidas_loa": "http://eidas.europa.eu/NotNotified/LoA/high"}
        self.refused(self.log_in())

    def test_no_level(self):
        self.provider.id_token = {"eidas_loa": None}
        self.refused(self.log_in())

    def test_a_state_that_was_not_given_out(self):
        asked = self.asked("/oidc/authenticate/")
        with self.assertLogs("portal.oidc", "WARNING"):
            self.refused(self.come_back(asked, state="another"))

    def test_an_answer_that_comes_twice(self):
        asked = self.asked("/oidc/authenticate/")
        self.come_back(asked)
        with self.assertLogs("portal.oidc", "WARNING"):
            self.assertRedirects(self.come_back(asked), "/not-logged-in")

    def test_a_clock_that_is_a_little_off_is_no_fault(self):
        self.provider.id_token = {"iat": int(time.time()) + 5}
        self.assertRedirects(self.log_in(), "/")


class LevelTests(WithProvider):
    def test_unknown_levels_are_below_all_others(self):
        self.assertEqual([rank(uri) for uri in (URIS["low"], URIS["high"], "high", None, "")], [0, 2, -1, -1, -1])

    def test_who_is_not_logged_in_is_asked_for_the_level(self):
        asked = self.asked("/contract")
        self.assertEqual((asked["acr_values"], asked["prompt"]), (URIS["high"], "login"))
        self.provider.id_token = {"eidas_loa": URIS["high"]}
        self.assertRedirects(self.come_back(asked), "/contract")

    def test_who_has_less_steps_up_and_goes_on_where_they_were(self):
        self.log_in()
        self.assertEqual(self.client.get("/permits").status_code, 200)
        asked = self.asked("/contract?number=7")
        self.assertEqual(asked["acr_values"], URIS["high"])
        self.provider.id_token = {"eidas_loa": URIS["high"]}
        self.assertRedirects(self.come_back(asked), "/contract?number=7")
        self.assertEqual(User.objects.count(), 1)

    def test_who_comes_back_with_less_twice_is_told(self):
        self.log_in()
        for _ in range(settings.EIDAS_STEP_UP_TRIES):
            back = self.log_in("/contract")
            self.assertRedirects(back, "/contract", fetch_redirect_response=False)
        told = self.client.get("/contract")
        self.assertContains(told, "A stronger eID is needed", status_code=403)
        # And may try again when they have another.
        self.provider.id_token = {"eidas_loa": URIS["high"]}
        self.assertRedirects(self.log_in("/contract"), "/contract")
        self.assertNotIn(TRIES, self.client.session)

    def test_who_turns_back_stays_who_they_were(self):
        self.log_in()
        asked = self.asked("/contract")
        back = self.client.get("/oidc/callback/", {"error": "access_denied", "state": asked["state"]}, follow=True)
        self.assertContains(back, "Nothing has changed")
        self.assertEqual(self.client.get("/permits").status_code, 200)
        with self.assertLogs("portal.oidc", "WARNING"):
            self.assertRedirects(self.come_back(asked), "/not-logged-in")

    def test_the_level_is_that_of_the_session(self):
        self.provider.id_token = {"eidas_loa": URIS["high"]}
        self.log_in()
        elsewhere = self.client_class()
        here, self.client = self.client, elsewhere
        self.provider.id_token = {}
        self.log_in()
        self.assertNotEqual(elsewhere.get("/contract").status_code, 200)
        self.assertEqual(here.get("/contract").status_code, 200)

    def test_nothing_is_left_of_who_was_logged_in_before(self):
        self.provider.id_token = {"eidas_loa": URIS["high"]}
        self.log_in()
        self.provider.id_token = {"sub": "sub-of-another"}
        self.log_in()
        self.assertEqual(self.client.get("/contract").status_code, 302)

    def test_groups_follow_the_level_and_the_roles_that_are_listed(self):
        self.provider.id_token = {"eidas_loa": URIS["high"]}
        self.provider.userinfo = {"realm_access": {"roles": ["eidas-legal-person", "staff", "eidas-high"]}}
        self.log_in()
        user = User.objects.get()
        names = {"eidas-low", "eidas-substantial", "eidas-high", "companies"}
        self.assertEqual(set(user.groups.values_list("name", flat=True)), names)
        self.provider.id_token, self.provider.userinfo = {}, {}
        self.log_in()
        self.assertEqual(set(user.groups.values_list("name", flat=True)), {"eidas-low", "eidas-substantial"})


class LogoutTests(WithProvider):
    def test_the_provider_is_told_whose_session_ends(self):
        self.log_in()
        out = self.client.post("/oidc/logout/")
        asked = dict(parse_qsl(urlsplit(out["Location"]).query))
        self.assertTrue(out["Location"].startswith(settings.OIDC_OP_END_SESSION_ENDPOINT + "?"))
        self.assertEqual(asked["post_logout_redirect_uri"], "http://testserver/")
        self.assertEqual(jwt.decode(asked["id_token_hint"], options={"verify_signature": False})["sub"], "sub-of-astrid")
        self.assertNotIn("_auth_user_id", self.client.session)

    def test_who_is_not_logged_in_goes_home(self):
        self.assertRedirects(self.client.post("/oidc/logout/"), "/")


class KeysTests(SimpleTestCase):
    def setUp(self):
        self.now, self.fetched, self.sets = 0.0, 0, published(one=KEY)
        self.keys = keys.Keys("https://provider.example/jwks", fetch=self.fetch, clock=lambda: self.now)

    def fetch(self):
        self.fetched += 1
        if self.sets is None:
            raise requests.ConnectionError
        return self.sets

    def token(self, key=KEY, kid="one"):
        return jwt.encode({}, key, algorithm="RS256", headers={"kid": kid})

    def test_keys_are_fetched_once_and_kept_for_hours(self):
        for self.now in (0, 1, settings.EIDAS_KEYS_KEPT):
            self.keys.of(self.token())
        self.assertEqual(self.fetched, 1)
        self.now += 1
        self.keys.of(self.token())
        self.assertEqual(self.fetched, 2)

    def test_an_unknown_key_is_asked_for_but_not_at_every_turn(self):
        self.keys.of(self.token())
        self.sets = published(one=KEY, two=OTHER_KEY)
        self.now = settings.EIDAS_KEYS_PAUSE
        with self.assertRaises(SuspiciousOperation):
            self.keys.of(self.token(OTHER_KEY, "two"))
        self.now += 1
        self.keys.of(self.token(OTHER_KEY, "two"))
        self.assertEqual(self.fetched, 2)

    def test_without_an_answer_the_last_keys_count(self):
        self.keys.of(self.token())
        self.sets, self.now = None, settings.EIDAS_KEYS_KEPT + 1
        self.keys.of(self.token())

    def test_keys_for_other_uses_and_odd_ones_are_passed_over(self):
        odd = [{"kty": "RSA", "kid": "odd"}, {"kty": "oct", "kid": "secret", "k": "AAAA"}, {"no": "name"}]
        (encryption,) = published(enc=OTHER_KEY)["keys"]
        self.sets["keys"] = [*odd, {**encryption, "use": "enc"}, *self.sets["keys"]]
        self.keys.of(self.token())
        for kid in ("odd", "secret", "enc"):
            with self.assertRaises(SuspiciousOperation):
                self.keys.of(self.token(kid=kid))
