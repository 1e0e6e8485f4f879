"""Headless Chromium over the DevTools protocol: a page, what it logs and what it asks for."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
PATIENCE_S = 120.0  # of a machine that is busy with others


def chromium() -> str | None:
    """Path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page: evaluates, waits, takes pictures; keeps console errors and requests."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._calls = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command; events that come meanwhile are kept."""
        self._calls += 1
        self._socket.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if said.get("id") == self._calls:
                assert "error" not in said, said
                return said["result"]
            self._keep(said)

    def _keep(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
            self.errors.append(json.dumps(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until the expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"{condition} never came true; {self.errors}"
            time.sleep(0.1)

    def open(self, address: str, condition: str) -> None:
        """Go there and wait until `condition` is true."""
        self.call("Page.navigate", url=address)
        self.wait(condition)

    def key(self, key: str, code: int) -> None:
        """Press and release a key, by its DOM name and its Windows code."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code)  # fmt: skip


LEAST_CONTRAST = 4.5
"""Of text (WCAG 2.1, 1.4.3), whatever its size."""

_FAINT = """(root => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const found = numbers(getComputedStyle(e).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const beneath = (e) => {
    const { left, right, top, bottom } = e.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const holds = (r) => r.left <= x && x <= r.right && r.top <= y && y <= r.bottom;
    const filled = [...e.ownerSVGElement.querySelectorAll("rect, path")]
      .filter((r) => holds(r.getBoundingClientRect()))
      .map((r) => getComputedStyle(r))
      .filter((s) => s.fill !== "none" && numbers(s.fill)[3] !== 0 && +s.opacity === 1);
    return filled.length ? numbers(filled.at(-1).fill) : null;
  };
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const faint = [];
  for (const e of [root, ...root.querySelectorAll("*")]) {
    if (!own(e) || !shown(e) || e.matches("style, script, title, desc, :disabled, option")
      || e.querySelector(":disabled")) continue;
    const style = getComputedStyle(e), drawn = !!e.ownerSVGElement;
    const ink = numbers(drawn ? style.fill : style.color);
    const behind = (drawn && beneath(e)) || ground(e);
    const [a, b] = [light(ink), light(behind)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < %s) faint.push(`${e.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faint;
})"""


def faint_words(page: Page, root: str) -> list[str]:
    """Words under the element that lack LEAST_CONTRAST to their ground, with their contrast.

    The ground is the nearest element's with a colour; of a word in a drawing, the bar's behind it.
    """
    found: list[str] = page.evaluate(f"{_FAINT % LEAST_CONTRAST}({root})")
    return found


@contextmanager
def open_page(binary: str, folder: Path, width: int = 1240, height: int = 1000) -> Iterator[Page]:
    """A page of a Chromium of its own, whose profile lies in `folder`."""
    flags = [*FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}"]
    with subprocess.Popen(
        [binary, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            port = _port(folder / "DevToolsActivePort", process)
            with connect(_page_address(port), max_size=None, proxy=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            process.wait()


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        lines = file.read_text().split() if file.exists() else []
        if len(lines) == 2:
            return int(lines[0])
        time.sleep(0.1)
    raise AssertionError("Chromium did not start")


def _page_address(port: int) -> str:
    client = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        client.request("GET", "/json/list")
        targets = json.loads(client.getresponse().read())
    finally:
        client.close()
    return next(each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page")
