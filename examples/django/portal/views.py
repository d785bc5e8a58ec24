"""The pages: for everybody, for people who logged in, and for those with an eID of level high."""

from django.shortcuts import render

from .loa import LOGIN, level_of, require_loa


def home(request):
    return render(request, "portal/home.html", {"level": level_of(request), "login": request.session.get(LOGIN, {})})


@require_loa("substantial")
def permits(request):
    return render(request, "portal/permits.html", {"level": level_of(request)})


@require_loa("high")
def contract(request):
    return render(request, "portal/contract.html", {"level": level_of(request)})


def not_logged_in(request):
    return render(request, "portal/not_logged_in.html", {"level": level_of(request)})
