"""A reader that finds what is wrong with written pages."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

_VOID = {"meta", "link", "br", "img", "input", "hr", "path", "rect", "circle"}


class Page(HTMLParser):
    """One page: what it links to, what can be linked to, and whether its elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes."""
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"href", "src"} and value:
                self.links.append(value)
            if name.startswith("on") or name == "style" or tag == "script":
                self.problems.append(f"<{tag} {name}> is forbidden by the page's own policy")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Compare with the element opened last."""
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()} closes nothing")

    def handle_data(self, data: str) -> None:
        """Keep what is read."""
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        return " ".join(" ".join(self.words).split())


def read_page(path: Path) -> Page:
    """Parse one page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    if page.open:
        page.problems.append(f"never closed: {page.open}")
    if len(page.ids) != len(set(page.ids)):
        page.problems.append("an id stands twice")
    return page


def find_problems(root: Path) -> list[str]:
    """Whatever is wrong with the pages under `root`: elements, links, anchors, things from outside."""
    pages = {path.resolve(): read_page(path) for path in root.rglob("*.html")}
    problems = []
    for path, page in pages.items():
        problems += [f"{path}: {problem}" for problem in page.problems]
        for link in page.links:
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if link == "data:,":
                continue
            if parts.scheme or parts.netloc or link.startswith("/"):
                problems.append(f"{path}: {link} leads outside")
            elif not target.is_file():
                problems.append(f"{path}: {link} leads nowhere")
            elif parts.fragment and target in pages and parts.fragment not in pages[target].ids:
                problems.append(f"{path}: {link} has no such anchor")
    return problems


@pytest.fixture
def problems_of() -> Callable[[Path], list[str]]:
    """`find_problems`."""
    return find_problems


@pytest.fixture
def page_of() -> Callable[[Path], Page]:
    """`read_page`."""
    return read_page
