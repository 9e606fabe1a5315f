"""A tab of a real browser, as tests use it: with mouse and keyboard, and what a reader sees."""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.devtools import Connection

_KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " "), "ArrowRight": (39, "")}
"""Windows' number of a key, and what it types."""

_FIND = """(() => {
  const found = document.querySelectorAll(%s);
  if (found.length !== 1) return `${found.length} elements`;
  found[0].scrollIntoView({block: "center", behavior: "instant"});
  const box = found[0].getClientRects()[0];
  if (!box) return "an element that is not drawn";
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const top = document.elementFromPoint(x, y);
  if (!top || !(found[0].contains(top) || top.contains(found[0]))) return `one that is covered by ${top?.outerHTML}`;
  return [x, y];
})()"""

_DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
"""A page gives a field the focus when it is drawn, not yet when it is loaded."""


class Tab:
    """One tab, with cookies of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._context = connection.call("Target.createBrowserContext")["browserContextId"]
        target = connection.call("Target.createTarget", url="about:blank", browserContextId=self._context)["targetId"]
        self._session = connection.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._call(f"{domain}.enable")
        self._call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.resize(1280, 900)
        self.prefer("light")

    def open(self, url: str) -> None:
        """Load a page, as if its address were typed."""
        with self._loading():
            if "loaderId" not in self._call("Page.navigate", url=url):
                self._call("Page.reload")  # a mark on the page that is shown: no other page was loaded

    def follow(self, selector: str) -> None:
        """Click what leads to another page, and wait for it."""
        with self._loading():
            self.click(selector)

    def click(self, selector: str) -> None:
        """Click the middle of the one element that a CSS selector finds; it must not be covered by another."""
        place = self.evaluate(_FIND % json.dumps(selector))
        assert isinstance(place, list), f"{selector} is {place}"
        for kind, buttons in (("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)):
            mouse = {"x": place[0], "y": place[1], "button": "left", "buttons": buttons, "clickCount": 1}
            self._call("Input.dispatchMouseEvent", type=kind, **mouse)

    def drop(self, selector: str, paths: Sequence[Path]) -> None:
        """Drop files of this machine on the middle of the one element that a CSS selector finds."""
        place = self.evaluate(_FIND % json.dumps(selector))
        assert isinstance(place, list), f"{selector} is {place}"
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self._call("Input.dispatchDragEvent", type=kind, x=place[0], y=place[1], data=data)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self._call("Input.insertText", text=text)

    def press(self, key: str, *, loads: bool = False) -> None:
        """Press a key; where it `loads` another page, wait for that."""
        if loads:
            with self._loading():
                self.press(key)
            return
        number, text = _KEYS[key]
        named = {"key": text if key == "Space" else key, "code": key, "windowsVirtualKeyCode": number}
        self._call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **named)
        self._call("Input.dispatchKeyEvent", type="keyUp", **named)

    def text(self, selector: str = "main") -> str:
        """What a reader sees of the first element that a selector finds, on one line."""
        return " ".join(str(self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")).split())

    def count(self, selector: str) -> int:
        """Elements that a selector finds."""
        return int(self.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length"))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    @property
    def address(self) -> str:
        """Where it is."""
        return str(self.evaluate("location.href"))

    def close(self) -> None:
        """Close it, and forget its cookies."""
        self._connection.call("Target.disposeBrowserContext", browserContextId=self._context)

    def resize(self, width: int, height: int) -> None:
        """Show pages on a screen of so many CSS pixels; up to 600 wide it is a phone's."""
        phone = width <= 600
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def prefer(self, scheme: str) -> None:
        """Prefer a colour scheme, `light` or `dark`; and no motion, so that a page that scrolls is there at once."""
        preferred = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        self._call("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in preferred.items()])

    def save_picture(self, path: Path) -> None:
        """Write the whole page as PNG."""
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    @property
    def requests(self) -> list[str]:
        """Every address that it asked for."""
        return [told["request"]["url"] for told in self._told("Network.requestWillBeSent")]

    @property
    def complaints(self) -> list[str]:
        """The errors on the browser's console: what a policy blocked, answers of 400 and more, scripts that failed."""
        entries = [told["entry"] for told in self._told("Log.entryAdded")]
        errors = [f"{one['source']}: {one['text']}" for one in entries if one["level"] == "error"]
        return errors + [str(told) for told in self._told("Runtime.exceptionThrown")]

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._connection.call(method, self._session, **parameters)

    def _told(self, method: str) -> list[dict[str, Any]]:
        mine = (told for told in self._connection.events if told.get("sessionId") == self._session)
        return [told["params"] for told in mine if told["method"] == method]

    @contextmanager
    def _loading(self) -> Iterator[None]:
        before = len(self._told("Page.loadEventFired"))
        yield
        while len(self._told("Page.loadEventFired")) == before:
            self._connection.listen()
        self.evaluate(_DRAWN)
