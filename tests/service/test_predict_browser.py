"""The pages that predict, in a real browser: an X-ray is dropped, faded, doubted, and looked at on a phone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from apps.console.phantoms import encode_phantom
from apps.console.serving import listen
from storage.store import Store
from tests.apps.console.answering import SIDE, AnsweringService
from tests.servers.browser import Tab
from tests.servers.devtools import Connection
from tests.service.visits import Visit

pytestmark = pytest.mark.service

PHONE, DESK = (390, 844), (1280, 900)
OPACITY = "Number(getComputedStyle(document.querySelector('.heat')).opacity)"
OVERLAP = """(() => {
  const [picture, heat] = [...document.querySelectorAll('.stage img')].map(one => one.getBoundingClientRect());
  return ['x', 'y', 'width', 'height'].every(side => Math.abs(picture[side] - heat[side]) < 1);
})()"""
BESIDE = """(() => {
  const parts = [...document.querySelector('.heat-scale').children].map(one => one.getBoundingClientRect());
  const words = getComputedStyle(document.querySelector('.heat-scale ~ .scale'));
  return parts.every((part, place) => part.width > 0 && (!place || parts[place - 1].right <= part.left))
    && words.display === 'block';
})()"""
NOTICE = """(() => {
  const [box] = document.querySelector('.notice').getClientRects();
  return box.top >= 0 && box.bottom <= innerHeight && document.querySelector('.notice').innerText;
})()"""
WIDER = """[document.documentElement, document.querySelector('header nav')]
  .map(one => one.scrollWidth - one.clientWidth)"""


@contextmanager
def served(store: Store, folder: Path) -> Iterator[str]:
    """A console that its owner need not sign in at, with a service that says normal; gives its origin."""
    sockets = listen("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    console = ConsoleSettings(folder=folder, hosts=frozenset({f"127.0.0.1:{port}"}), port=port, owner="ada")
    app = create_app(console, store, AnsweringService().as_service())
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, args=(sockets,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        for one in sockets:
            one.close()


@pytest.fixture
def page(browser: Connection, store: Store, tmp_path: Path) -> Iterator[Visit]:
    """A browser at the page that predicts."""
    with served(store, tmp_path / "console") as origin:
        visit = Visit(Tab(browser), origin, token="")
        visit.open("/predict")
        yield visit
        visit.tab.save_picture(tmp_path / "last-page.png")  # for whoever asks why a test failed
        visit.tab.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """X-rays and one file that is none, by what they show; their names could name a patient."""
    contents = {"healthy": encode_phantom("normal"), "inverted": encode_phantom("inverted"), "text": b"no image"}
    paths = {name: tmp_path / f"Jane-Doe-{name}.jpg" for name in contents}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    return paths


def ask(visit: Visit, *files: Path) -> None:
    """Drop files on the page, and ask."""
    visit.open("/predict")
    visit.tab.drop("input[type=file]", files)
    assert visit.tab.evaluate("document.querySelector('input[type=file]').files.length") == len(files)
    visit.tab.follow(".upload .button")


def test_a_dropped_x_ray_is_seen_under_heat_that_fades(page: Visit, files: dict[str, Path]) -> None:
    """The heat lies exactly over the picture, and mouse and keyboard fade it; no script, nothing from elsewhere."""
    ask(page, files["healthy"])
    tab = page.tab
    assert tab.text("h1") == "v6 says normal, at 86 %"
    assert tab.evaluate("[...document.querySelectorAll('.stage img')].map(one => one.naturalWidth)") == [SIDE, SIDE]
    assert tab.evaluate(OVERLAP)
    assert tab.evaluate(BESIDE)
    assert tab.evaluate(OPACITY) == 0.5
    for share in (0, 25, 75, 100):
        tab.click(f".for-fade-{share}")
        assert tab.evaluate(OPACITY) == share / 100
    page.reach("input[type=radio]")
    tab.press("ArrowRight")
    assert tab.evaluate(OPACITY) == 0
    assert tab.count("script") == 0
    assert [url for url in page.asked_elsewhere() if not url.startswith("data:image/")] == []
    assert tab.complaints == []


def test_a_warning_is_read_before_the_answer(page: Visit, files: dict[str, Path]) -> None:
    """Dropped together, each has its own warning, reason and fading; its mark leads to it."""
    ask(page, files["healthy"], files["inverted"], files["text"])
    tab = page.tab
    assert tab.text("h1") == "Three images: 2 normal, 1 not read; 1 with warnings"
    assert "Jane" not in tab.evaluate("document.documentElement.outerHTML")
    tab.click("h3 a[href='#image-2']")
    top = "Math.round(document.querySelector('#image-2').getBoundingClientRect().top)"
    notice = "Math.round(document.querySelector('.notice').getBoundingClientRect().bottom)"
    assert tab.evaluate(f"{top} - {notice}") in range(60)
    below = "document.querySelector('#image-2 .warned').getBoundingClientRect().bottom"
    assert tab.evaluate(f"{below} <= document.querySelector('#image-2 .view').getBoundingClientRect().top")
    tab.click("#image-2 .for-fade-0")
    shown = "[...document.querySelectorAll('.heat')].map(one => Number(getComputedStyle(one).opacity))"
    assert tab.evaluate(shown) == [0.5, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_fits_and_keeps_its_notice_in_sight(
    page: Visit, files: dict[str, Path], size: tuple[int, int], scheme: str
) -> None:
    """Nothing is wider than the screen, and "not for diagnostic use" stays in sight down to the end."""
    tab = page.tab
    tab.resize(*size)
    tab.prefer(scheme)
    for dropped in ((), (files["inverted"],), (files["healthy"], files["inverted"], files["text"])):
        if dropped:
            ask(page, *dropped)
        assert tab.evaluate(WIDER) == [0, 0]
        for place in ("0", "document.body.scrollHeight / 2", "document.querySelector('footer').offsetTop"):
            tab.evaluate(f"scrollTo({{top: {place} - 100, behavior: 'instant'}})")
            assert tab.evaluate(NOTICE) == "Research tool. Not for diagnostic use."


def test_a_drawn_x_ray_is_one_click_away(page: Visit) -> None:
    """Each phantom is a picture that can be pressed, and is answered."""
    tab = page.tab
    assert tab.count(".tries button") == 6
    tab.follow("button[value=covid]")
    assert tab.text("h1") == "v6 says normal, at 86 %"
    tab.follow("main a.button")
    assert tab.text("h1") == "Show v6 a chest X-ray"
    assert tab.complaints == []
