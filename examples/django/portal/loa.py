"""Levels of assurance: what a session has reached, and views that need one."""

from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

URIS = {
    "low": "http://eidas.europa.eu/LoA/low",
    "substantial": "http://eidas.europa.eu/LoA/substantial",
    "high": "http://eidas.europa.eu/LoA/high",
}
WORDS = list(URIS)

# Keys of the session: how its login went, which level was asked for last, how often less came back.
LOGIN, WANTED, TRIES = "eidas_login", "eidas_wanted", "eidas_tries"


def rank(uri):
    """How high a level is; -1 for one that is not known, which is never enough."""
    return next((at for at, word in enumerate(WORDS) if URIS[word] == uri), -1)


def level_of(request):
    """The level of this session's login as one of `WORDS`, or None."""
    if not request.user.is_authenticated:
        return None
    at = rank(request.session.get(LOGIN, {}).get("level"))
    return WORDS[at] if at >= 0 else None


def require_loa(word):
    """For a view that needs somebody to have logged in at this level in this session. Who has not is sent to do so. Who
    comes back with less, as often as `EIDAS_STEP_UP_TRIES`, is told."""
    needed = WORDS.index(word)

    def decorate(view):
        @wraps(view)
        def guarded(request, *arguments, **named):
            reached = level_of(request)
            if reached is not None and WORDS.index(reached) >= needed:
                return view(request, *arguments, **named)
            if request.session.get(TRIES, 0) >= settings.EIDAS_STEP_UP_TRIES:
                del request.session[TRIES]
                return render(request, "portal/level_not_reached.html", {"needed": word, "reached": reached}, status=403)
            query = urlencode({"next": request.get_full_path(), "loa": word})
            return HttpResponseRedirect(f"{reverse('oidc_authentication_init')}?{query}")

        return guarded

    return decorate


def count_tries(session, wanted, tries, reached):
    """Notes after a login how often in a row less came back than was asked for. Both `wanted` and `tries` are from before the
    login, which may have begun the session anew."""
    if wanted in WORDS and rank(reached) < WORDS.index(wanted):
        session[TRIES] = tries + 1
    else:
        session.pop(TRIES, None)
