"""mozilla-django-oidc, made strict, with users known by `sub`.

What the library leaves open and is closed here: it does not look at `iss` and `aud`; it knows users by their e-mail
address, which people from abroad need not have; it takes claims from userinfo alone; it fetches keys at each login; a
token that is a second ahead of our clock is an error 500; and who turns back at the provider is logged out.
"""

import logging
from urllib.parse import urlencode

import jwt
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import SuspiciousOperation
from django.urls import reverse
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import absolutify
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView
from requests.exceptions import RequestException

from . import keys, loa

LOGGER = logging.getLogger(__name__)
# Seconds by which the provider's clock may differ from ours.
LEEWAY = 30


class Backend(OIDCAuthenticationBackend):
    """Who it is: the ID token verified, userinfo of the same person, an account for each `sub`."""

    def retrieve_matching_jwk(self, token):
        return keys.shared(self.OIDC_OP_JWKS_ENDPOINT).of(token)

    def _verify_jws(self, payload, key):
        try:
            claims = jwt.decode(
                payload, key, algorithms=[self.OIDC_RP_SIGN_ALGO], audience=self.OIDC_RP_CLIENT_ID,
                issuer=settings.OIDC_OP_ISSUER, leeway=LEEWAY,
                options={"require": ["iss", "aud", "exp", "iat", "sub"]},
            )
        except jwt.PyJWTError as fault:
            raise SuspiciousOperation(f"the ID token cannot be accepted: {fault}") from fault
        if claims.get("azp", self.OIDC_RP_CLIENT_ID) != self.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("the ID token was issued for another client")
        return claims

    def get_userinfo(self, access_token, id_token, payload):
        claims = super().get_userinfo(access_token, id_token, payload)
        if claims.get("sub") != payload["sub"]:
            raise SuspiciousOperation("userinfo is about somebody else")
        # How the login went is said by the ID token alone.
        login = {"level": payload.get(settings.EIDAS_LEVEL_CLAIM), "auth_time": payload.get("auth_time"), "id_token": id_token}
        return {**claims, "login": login}

    def verify_claims(self, claims):
        return loa.rank(claims["login"]["level"]) >= 0

    def describe_user_by_claims(self, claims):
        return "this sub"

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def create_user(self, claims):
        user = self.UserModel(username=claims["sub"])
        user.set_unusable_password()
        return self.update_user(user, claims)

    def update_user(self, user, claims):
        user.first_name = (claims.get("given_name") or "")[:150]
        user.last_name = (claims.get("family_name") or claims.get("eidas_legal_name") or "")[:150]
        user.save()
        user.groups.set(self.groups(claims))
        # For the callback view, which puts it into the session once that is the user's own.
        user.this_login = {**claims["login"], "country": claims.get("eidas_country")}
        return user

    @staticmethod
    def groups(claims):
        """`eidas-high` and those below it, by the level of this login; and the groups of the provider's roles. For lists and
        reports: an account can have sessions of several levels, and only `require_loa` knows which this one is."""
        reached = loa.rank(claims["login"]["level"])
        names = {f"eidas-{word}" for at, word in enumerate(loa.WORDS) if at <= reached}
        roles = claims.get("realm_access", {}).get("roles", [])
        names |= {group for role, group in settings.EIDAS_ROLE_GROUPS.items() if role in roles}
        return [Group.objects.get_or_create(name=name)[0] for name in sorted(names)]


class AuthenticationRequest(OIDCAuthenticationRequestView):
    """Asks for a level where one is named: `?loa=high`."""

    def get_extra_params(self, request):
        parameters = dict(super().get_extra_params(request))
        wanted = request.GET.get("loa")
        request.session[loa.WANTED] = wanted if wanted in loa.URIS else None
        if wanted in loa.URIS:
            # prompt=login: a broker between us and the gateway must not answer from a session of its own.
            parameters.update(acr_values=loa.URIS[wanted], prompt="login")
        return parameters


class Callback(OIDCAuthenticationCallbackView):
    """Where the person comes back to. What cannot be accepted is a page, not an error 500."""

    def get(self, request):
        if request.GET.get("error"):
            # Who turns back stays who they were before.
            request.session.get("oidc_states", {}).pop(request.GET.get("state"), None)
            request.session.modified = True
            return self.login_failure()
        try:
            return super().get(request)
        except (SuspiciousOperation, RequestException, jwt.PyJWTError) as fault:
            LOGGER.warning("a login was refused: %s", fault)
            return self.login_failure()

    def login_success(self):
        wanted, tries = self.request.session.get(loa.WANTED), self.request.session.get(loa.TRIES, 0)
        response = super().login_success()
        self.request.session[loa.LOGIN] = self.user.this_login
        loa.count_tries(self.request.session, wanted, tries, self.user.this_login["level"])
        return response


def logout_url(request):
    """The provider ends its session too, and sends the person back."""
    back = absolutify(request, reverse("home"))
    token = request.session.get(loa.LOGIN, {}).get("id_token")
    if not settings.OIDC_OP_END_SESSION_ENDPOINT or not token:
        return back
    return f"{settings.OIDC_OP_END_SESSION_ENDPOINT}?{urlencode({'id_token_hint': token, 'post_logout_redirect_uri': back})}"
