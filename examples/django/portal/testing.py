"""Settings for the tests: a provider that nobody reaches."""

import os

PROVIDER = "https://provider.example"
os.environ.update({
    "PORTAL_SECRET_KEY": "for-tests-only", "PORTAL_HOST": "testserver", "PORTAL_HTTPS": "false", "PORTAL_DATABASE": ":memory:",
    "OIDC_ISSUER": PROVIDER, "OIDC_CLIENT_ID": "portal", "OIDC_CLIENT_SECRET": "secret",
    **{f"OIDC_{name}": f"{PROVIDER}/{name.lower()}" for name in (
        "AUTHORIZATION_ENDPOINT", "TOKEN_ENDPOINT", "USERINFO_ENDPOINT", "JWKS_URI", "END_SESSION_ENDPOINT")},
})

from .settings import *  # noqa: E402, F401, F403
