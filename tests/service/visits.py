"""A person at the console, with a browser."""

from dataclasses import dataclass

from tests.servers.browser import Tab

_HIDDEN_FOCUS = """(() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const shown = getComputedStyle(one).opacity === "0" ? one.labels[0] : one;
  const box = shown.getClientRects()[0];
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const seen = getComputedStyle(shown).outlineStyle !== "none" && (shown.contains(top) || top?.contains(shown));
  return seen ? null : `${one.outerHTML} below ${top?.outerHTML}`;
})()"""
"""What has the focus, where one does not see that: it has no outline, or something covers it."""


@dataclass(frozen=True)
class Visit:
    """A browser at a console, and who may sign in there."""

    tab: Tab
    origin: str
    token: str

    def open(self, path: str) -> None:
        """Open a page of the console."""
        self.tab.open(self.origin + path)

    def sign_in(self) -> None:
        """Sign in as Ada, with the mouse."""
        self.open("/sign-in")
        self.fill_in(name="Ada", token=self.token)
        self.tab.follow("form button")

    def fill_in(self, **fields: str) -> None:
        """Type into fields of the page's form."""
        for name, text in fields.items():
            self.tab.click(f"input[name={name}]:not(details input)")
            self.tab.type(text)

    def reach(self, selector: str) -> None:
        """Press Tab until an element that the selector finds has the focus; one sees on the way what has it."""
        for _ in range(150):
            self.tab.press("Tab")
            hidden = self.tab.evaluate(_HIDDEN_FOCUS)
            assert hidden is None, f"one does not see that {hidden} has the focus"
            if self.tab.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"the keyboard does not reach {selector}")

    def asked_elsewhere(self) -> list[str]:
        """Requests that went anywhere but to the console."""
        return [url for url in self.tab.requests if not url.startswith(f"{self.origin}/")]
