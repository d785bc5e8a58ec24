"""Scenarios are functions; each parameter is a person with a browser of their own. This plays them and says which hold."""

import os
import time
import traceback

from chromium import Failed

SHOTS = os.environ.get("EIDAS_SCREENSHOTS")


def equal(found, expected, what=""):
    if found != expected:
        raise Failed(f"{what}: found {found!r}, expected {expected!r}")


def contains(found, part):
    if part not in found:
        raise Failed(f"{part!r} is not in {found!r}")


def subset(found, expected):
    for name, value in expected.items():
        equal(found.get(name), value, name)


def play(scenarios, wanted, person):
    """Plays the scenarios, or those of them that are wanted by name. `person` makes one, with a `tab`, from a name.
    Gives back the exit status."""
    if SHOTS:
        os.makedirs(SHOTS, exist_ok=True)
    failed = []
    for scenario in scenarios:
        if wanted and scenario.__name__ not in wanted:
            continue
        people = [person(name) for name in scenario.__code__.co_varnames[:scenario.__code__.co_argcount]]
        started = time.monotonic()
        try:
            scenario(*people)
            print(f"{scenario.__name__}: holds ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception as failure:
            failed.append(scenario.__name__)
            print(f"{scenario.__name__}: FAILED: {failure}", flush=True)
            if not isinstance(failure, Failed):
                traceback.print_exc()
            photograph(scenario.__name__, people)
        for someone in people:
            someone.tab.leave()
    print(f"{len(failed)} failed" + (": " + ", ".join(failed) if failed else ""))
    return 1 if failed else 0


def photograph(scenario, people):
    """What everybody saw when a scenario failed."""
    for person in people if SHOTS else []:
        try:
            person.tab.screenshot(os.path.join(SHOTS, f"FAILED-{scenario}-{person.name}.png"))
        except Failed as failure:
            print(f"no photograph of {person.name}: {failure}")
