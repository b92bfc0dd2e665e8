"""A headless Chromium for tests that look at pages, driven by its own protocol (CDP): no driver, no other package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from local_stack.processes import wait_until

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-headless-shell", "google-chrome"))), None)
START_SECONDS = 60  # on a machine that does other things too

needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed: install the package chromium")

# A sign that no font has is drawn as the box of its element's first font. So is a code point that no font can have:
# one that is not assigned, and one that is no character. Equal pictures mean a box.
_MISSING = """
() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d", {willReadFrequently: true});
  const picture = (sign, font) => {
    pen.clearRect(0, 0, 64, 64);
    pen.font = font;
    pen.textBaseline = "middle";
    pen.fillText(sign, 8, 32);
    return pen.getImageData(0, 0, 64, 64).data.join();
  };
  const boxes = new Map(), missing = new Set(), seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const style = getComputedStyle(node.parentElement);
    if (["STYLE", "SCRIPT", "TITLE"].includes(node.parentElement.tagName)) continue;
    const font = `${style.fontStyle} ${style.fontWeight} 24px ${style.fontFamily}`;
    if (!boxes.has(font)) boxes.set(font, ["\\u0378", "\\u{10ffff}"].map((none) => picture(none, font)));
    for (const sign of node.data.normalize("NFC")) {
      if (seen.has(sign + font) || !/[\\p{L}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Cn}]/u.test(sign)) continue;
      seen.add(sign + font);
      if (boxes.get(font).includes(picture(sign, font))) missing.add(sign);
    }
  }
  return {missing: [...missing].sort().join(""), looked_at: seen.size};
}
"""


class Browser:
    """One page of a running browser."""

    def __init__(self, socket: ClientConnection, session: str, folder: Path) -> None:
        self._socket, self._session, self._folder = socket, session, folder
        self._ids = count(100)

    def open(self, html: str) -> None:
        """Show `html` as a page, and wait until it is loaded."""
        file = self._folder / "page.html"
        file.write_text(html, encoding="utf-8")
        self._call("Page.enable")
        self._call("Page.navigate", url=file.as_uri())
        while json.loads(self._socket.recv(START_SECONDS)).get("method") != "Page.loadEventFired":
            pass

    def emulate(self, width: int, *, dark: bool) -> None:
        """Look at what is opened from now on in a window of this width, in a light or dark scheme."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, function: str) -> Any:
        """Return what a function of the page gives, as plain values."""
        answer = self._call("Runtime.evaluate", expression=f"({function})()", returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"]["value"]

    def missing_glyphs(self, html: str) -> str:
        """Return the letters, digits and signs of a page that no font of this machine has, each once and in order."""
        self.open(html)
        found = self.evaluate(_MISSING)
        assert found["looked_at"] > 0, "the page shows no text"
        return str(found["missing"])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return call(self._socket, next(self._ids), method, self._session, **params)


def call(
    socket: ClientConnection, number: int, method: str, session: str | None = None, **params: Any
) -> dict[str, Any]:
    """Ask the browser one thing, and return its answer; what it tells meanwhile is dropped."""
    asked = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
    socket.send(json.dumps(asked))
    while True:
        said = json.loads(socket.recv(START_SECONDS))
        if said.get("id") == number:
            assert "error" not in said, said
            return dict(said["result"])


@contextmanager
def running_chromium(**environment: str) -> Iterator[Browser]:
    """Start Chromium with a profile of its own, and with these variables besides; it ends with the block."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="chromium_", ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--remote-debugging-port=0", f"--user-data-dir={profile}"]  # fmt: skip
        process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, **environment})  # fmt: skip
        try:
            port = Path(profile) / "DevToolsActivePort"
            wait_until(lambda: port.is_file() and "\n" in port.read_text(), "Chromium to listen", START_SECONDS)
            number, path = port.read_text().split("\n")[:2]
            with connect(f"ws://127.0.0.1:{number}{path}", max_size=None) as socket:
                target = call(socket, 1, "Target.createTarget", url="about:blank")["targetId"]
                session = call(socket, 2, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
                yield Browser(socket, session, Path(profile))
        finally:
            process.kill()
            process.wait()
