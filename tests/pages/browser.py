"""A headless Chromium for tests, driven by its own driver over the WebDriver protocol; nothing needs to be installed.

Debian's packages `chromium` and `chromium-driver` have both programs.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FOUND = bool(CHROMIUM and DRIVER)
WAIT_S = 60
ARGUMENTS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    *("--autoplay-policy=no-user-gesture-required",),
]
KEYS = {"left": "\ue012", "right": "\ue014", "space": " ", "tab": "\ue004", "end": "\ue010"}
CONTRASTS = r"""
  const light = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.matches('script, :disabled')) continue;
    let below = element;
    const clear = (colour) => /, 0\)$/.test(colour);
    while (below.parentElement && clear(getComputedStyle(below).backgroundColor)) below = below.parentElement;
    const one = light(getComputedStyle(element).color) + 0.05;
    const two = light(getComputedStyle(below).backgroundColor) + 0.05;
    found.push([Math.max(one, two) / Math.min(one, two), element.textContent.trim().slice(0, 30)]);
  }
  return found;
"""
"""Finds each text with the ratio of its contrast to what is behind it."""
NAMELESS = """
  const named = (one) => one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim()
    || (one.labels && one.labels.length);
  return Array.from(document.querySelectorAll('button, a, input, video, [role=img], [role=group], section'))
    .filter((one) => one.checkVisibility() && !named(one)).map((one) => one.outerHTML)
    .concat(Array.from(document.querySelectorAll('img:not([alt])')).map((one) => one.outerHTML));
"""
"""Finds each control or picture without a name."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    """One window."""

    def __init__(self, base: str, size: tuple[int, int] = (1280, 1000)) -> None:
        options = {"args": [*ARGUMENTS, f"--window-size={size[0]},{size[1]}"], "binary": CHROMIUM}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self._base = base
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{answer['sessionId']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, content, {"Content-Type": "application/json"}, method=method
        )
        with _OPENER.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def post(self, path: str, **body: Any) -> Any:
        """Send a command of the session."""
        return self._ask("POST", self._session + path, body)

    def open(self, address: str, ready: bool = True) -> None:
        """Load a page, and wait until its script has finished.

        Args:
            address: file: or http: address.
            ready: whether to wait for the mark that pages of videos set.
        """
        self.log("browser"), self.log("performance")
        self.post("/url", url=address)
        if ready:
            self.wait("return document.documentElement.dataset.ready === 'yes'")

    def run(self, script: str, *values: Any) -> Any:
        """Run the body of a function in the page; `arguments` has the values."""
        return self.post("/execute/sync", script=script, args=list(values))

    def wait(self, script: str, *values: Any) -> Any:
        """Run the body of a function until it returns something true."""
        end = time.monotonic() + WAIT_S
        while not (found := self.run(script, *values)):
            assert time.monotonic() < end, f"still false after {WAIT_S} s: {script}"
            time.sleep(0.05)
        return found

    def text(self, selector: str) -> str:
        """The text of the first element that a CSS selector finds."""
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        strokes = [{"type": t, "value": KEYS.get(key, key)} for key in keys for t in ("keyDown", "keyUp")]
        self.post("/actions", actions=[{"type": "key", "id": "keys", "actions": strokes}])

    def click(self, x: float, y: float) -> None:
        """Click at a place of the window, in CSS pixels."""
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self.post("/actions", actions=[{"type": "pointer", "id": "mouse", "actions": moves}])

    def set_feature(self, name: str, value: str) -> None:
        """Have the browser prefer something, such as `prefers-color-scheme: dark`."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": name, "value": value}])

    def cdp(self, command: str, **values: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self.post("/goog/cdp/execute", cmd=command, params=values)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What the console (`browser`) or the DevTools protocol (`performance`) said since this was last asked."""
        return self.post("/se/log", type=kind)

    def requested(self) -> list[str]:
        """The addresses that the page asked for since this was last asked, but for those that hold their own data."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [address for address in sent if not address.startswith("data:")]

    def screenshot(self, path: Path, size: tuple[int, int] | None = None) -> None:
        """Write a PNG of the window, or of the whole page as in a window of this size (pixels)."""
        if size:
            metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
            self.cdp("Emulation.setDeviceMetricsOverride", **metrics)
            time.sleep(0.3)
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=bool(size))["data"]
        path.write_bytes(base64.b64decode(shot))

    def quit(self) -> None:
        """Close the window."""
        self._ask("DELETE", self._session)


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps its files in a folder; it and its driver are gone afterwards."""
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        [str(DRIVER), "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as driver:
        assert driver.stdout
        try:
            port = next(found[1] for line in driver.stdout if (found := re.search(r"successfully on port (\d+)", line)))
            window = Browser(f"http://127.0.0.1:{port}")
            try:
                yield window
            finally:
                window.quit()
        finally:
            driver.terminate()
