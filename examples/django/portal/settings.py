"""Everything that differs from one installation to the next comes from the environment; see README.md."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


def needed(name):
    try:
        return os.environ[name]
    except KeyError:
        raise SystemExit(f"the environment variable {name} is not set; see README.md") from None


DEBUG = os.environ.get("PORTAL_DEBUG") == "true"
SECRET_KEY = needed("PORTAL_SECRET_KEY")
ALLOWED_HOSTS = needed("PORTAL_HOST").split(",")
HTTPS = os.environ.get("PORTAL_HTTPS", "true") == "true"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "mozilla_django_oidc",
    "portal",
]
# Not in this list: mozilla_django_oidc.middleware.SessionRefresh. It asks with prompt=none every quarter of an hour; a
# gateway without sessions of its own says no, and the user is logged out.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "portal.urls"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.environ.get("PORTAL_DATABASE", BASE_DIR / "portal.sqlite3"),
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

# Lax lets the session cookie come along when the person comes back from the provider. A proxy in front ends TLS and says so.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None

LOGIN_URL = "oidc_authentication_init"
LOGIN_REDIRECT_URL = "/"
LOGIN_REDIRECT_URL_FAILURE = "/not-logged-in"
LOGOUT_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = ["portal.oidc.Backend"]

# The provider: the gateway itself, or a Keycloak behind which the gateway is.
OIDC_OP_ISSUER = needed("OIDC_ISSUER")
OIDC_OP_AUTHORIZATION_ENDPOINT = needed("OIDC_AUTHORIZATION_ENDPOINT")
OIDC_OP_TOKEN_ENDPOINT = needed("OIDC_TOKEN_ENDPOINT")
OIDC_OP_USER_ENDPOINT = needed("OIDC_USERINFO_ENDPOINT")
OIDC_OP_JWKS_ENDPOINT = needed("OIDC_JWKS_URI")
OIDC_OP_END_SESSION_ENDPOINT = os.environ.get("OIDC_END_SESSION_ENDPOINT", "")
OIDC_RP_CLIENT_ID = needed("OIDC_CLIENT_ID")
OIDC_RP_CLIENT_SECRET = needed("OIDC_CLIENT_SECRET")
OIDC_RP_SCOPES = os.environ.get("OIDC_SCOPES", "openid profile eidas")

# The library's defaults are HS256 and no PKCE. It can verify RS* and ES*.
OIDC_RP_SIGN_ALGO = os.environ.get("OIDC_SIGN_ALGO", "RS256")
OIDC_USE_PKCE = True
OIDC_PKCE_CODE_CHALLENGE_METHOD = "S256"
OIDC_USE_NONCE = True
OIDC_TIMEOUT = 10
OIDC_AUTHENTICATE_CLASS = "portal.oidc.AuthenticationRequest"
OIDC_CALLBACK_CLASS = "portal.oidc.Callback"
OIDC_OP_LOGOUT_URL_METHOD = "portal.oidc.logout_url"

# The claim of the ID token with the level of assurance of this login: the gateway's, and that of our realm for Keycloak.
EIDAS_LEVEL_CLAIM = "eidas_loa"
# Roles of the provider, and the groups whose members have them. No other role means anything here.
EIDAS_ROLE_GROUPS = {"eidas-legal-person": "companies"}
# How long keys of the provider are kept, and how soon an unknown one may be asked for, in seconds.
EIDAS_KEYS_KEPT = 6 * 60 * 60
EIDAS_KEYS_PAUSE = 10
# How often in a row somebody may come back with too weak an eID before they are told that it does not work.
EIDAS_STEP_UP_TRIES = 2

LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
