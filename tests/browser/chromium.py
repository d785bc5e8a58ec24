"""A small driver for Chromium over --remote-debugging-pipe: messages of the DevTools protocol, ended by a
zero octet, on file descriptors 3 and 4. Nothing but the standard library.

Waiting is on events: a condition is asked again whenever the browser reports something, until its deadline.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

DEADLINE = 20.0


class Missing(Exception):
    """There is no Chromium on this machine."""


class Failed(AssertionError):
    """The browser did not come to show what was expected."""


def program():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    raise Missing("chromium is not installed")


class Chromium:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="eidas-browser-")
        to_browser, self.write_to = os.pipe()
        self.read_from, from_browser = os.pipe()

        def pass_pipes():
            # Duplicated high first, so that neither end is overwritten by the other.
            here, there = os.dup(to_browser), os.dup(from_browser)
            high = max(here, there, 4) + 1
            os.dup2(here, high)
            os.dup2(there, high + 1)
            os.dup2(high, 3)
            os.dup2(high + 1, 4)
            os.close(high)
            os.close(high + 1)

        self.process = subprocess.Popen(
            [
                program(), "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.profile}",
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
                # *.localhost is loopback by definition; nothing else may be looked up.
                "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--no-proxy-server", "about:blank",
            ],
            preexec_fn=pass_pipes, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.answers = {}
        self.listeners = []

    def close(self):
        try:
            self.call("Browser.close")
        except Exception:
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.write_to)
        os.close(self.read_from)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, **params):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_to, data):]
        deadline = time.monotonic() + DEADLINE
        while number not in self.answers:
            self.receive(deadline, method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def receive(self, deadline, what):
        """Takes in one message, or fails at the deadline."""
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_from], [], [], left)[0]:
                raise Failed(f"nothing more from the browser while waiting for {what}")
            data = os.read(self.read_from, 1 << 20)
            if not data:
                raise Failed("the browser is gone")
            self.buffer += data
        raw, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(raw)
        if "id" in message:
            self.answers[message["id"]] = message
        else:
            for listener in self.listeners:
                listener(message)

    def context(self):
        """A browser of its own: no cookie is shared with any other."""
        return self.tab(self.call("Target.createBrowserContext")["browserContextId"])

    def tab(self, context):
        """A tab in a browser."""
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session, context)


class Tab:
    def __init__(self, browser, session, context):
        self.browser = browser
        self.session = session
        self.context = context
        self.console = []
        self.visited = []
        self.documents = []
        browser.listeners.append(self.heard)
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self.size(1280, 900)

    def call(self, method, **params):
        return self.browser.call(method, session=self.session, **params)

    def heard(self, message):
        if message.get("sessionId") != self.session:
            return
        method, params = message["method"], message["params"]
        if method == "Log.entryAdded" and params["entry"]["source"] != "network":
            self.console.append(params["entry"]["text"])
        elif method == "Network.responseReceived" and params["type"] == "Document":
            self.documents.append(params["response"])
        elif method == "Network.responseReceived":
            response = params["response"]
            if response["status"] >= 400:
                self.console.append(f"{response['status']} {response['url']}")
        elif method == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"]["text"])
        elif method == "Page.frameNavigated" and "parentId" not in params["frame"]:
            self.visited.append(params["frame"]["url"])

    def leave(self):
        """Closes the browser of this tab, with its cookies."""
        self.browser.listeners.remove(self.heard)
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    # What a person does

    def open(self, url):
        self.call("Page.navigate", url=url)

    def click(self, selector):
        self.wait(selector)
        self.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block:'center'}})")
        box = self.evaluate(
            f"(b => [b.x + b.width / 2, b.y + b.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def fill(self, selector, text):
        """Types into a field."""
        self.wait(selector)
        self.evaluate(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")

    def scripts(self, allowed):
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    # What a person sees

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise Failed(f"{expression}: {result['exceptionDetails'].get('text')}")
        return result["result"].get("value")

    def text(self, selector):
        self.wait(selector)
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText").strip()

    def reads(self, selector, expected):
        """Until `selector` shows exactly this text."""
        shown = f"document.querySelector({json.dumps(selector)})?.innerText.trim()"
        try:
            self.until(f"document.readyState === 'complete' && {shown} === {json.dumps(expected)}", selector)
        except Failed:
            raise Failed(f"{selector} reads {self.evaluate(shown)!r}, expected {expected!r}") from None

    def url(self):
        return self.evaluate("location.href")

    def wait(self, selector, deadline=DEADLINE):
        """Until a loaded page shows `selector`."""
        question = f"document.readyState === 'complete' && !!document.querySelector({json.dumps(selector)})"
        self.until(question, selector, deadline)

    def until(self, question, what, deadline=DEADLINE):
        end = time.monotonic() + deadline
        while True:
            try:
                if self.evaluate(question):
                    return
                self.browser.receive(end, what)
            except Failed as failure:
                gone = "context" in str(failure) or "navigat" in str(failure)
                if gone and time.monotonic() < end:
                    continue
                raise Failed(f"{what} did not come; the page is {self.visited[-1:]}: {failure}") from None

    def cookies(self, url):
        """The cookies that would be sent to an address."""
        return self.call("Network.getCookies", urls=[url])["cookies"]

    # Looks

    def size(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if mobile else 1, mobile=mobile)

    def dark(self, on):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"},
                            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
