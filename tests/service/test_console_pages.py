"""The console's pages in a real browser: by keyboard, on a phone, in both colour schemes, and asking nobody else."""

import pytest
from typer.testing import CliRunner

from apps.cli import app
from storage.decisions import load_decisions
from storage.store import Store
from tests.apps.console.filling import fill, image_id
from tests.service.visits import Visit
from tests.storage.entries import gate, steward, write_ledger
from xray_model.data.decisions import Action

pytestmark = pytest.mark.service

PHONE = 390
READABLE = 4.5
"""Contrast that WCAG 2.2 asks of text (1.4.3, AA)."""

_WIDTH = "Math.max(innerWidth, document.documentElement.scrollWidth)"
"""Where something is too wide, a phone shows the whole page smaller, so the window grows with it."""

_CONTRASTS = """(() => {
  const parse = text => { const parts = text.match(/[\\d.]+/g).map(Number); return [...parts, 1].slice(0, 4); };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
  const ground = one => one
    ? over(parse(getComputedStyle(one).backgroundColor), ground(one.parentElement)) : [255, 255, 255];
  const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = color => color.map(value => linear(value / 255))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0.05);
  const ratio = (one, color) => {
    const lights = [light(over(parse(color), ground(one))), light(ground(one))];
    return Math.max(...lights) / Math.min(...lights);
  };
  const seen = [...document.querySelectorAll("body *")].filter(one => one.checkVisibility({opacityProperty: true}));
  const texts = seen.filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(one => [one, getComputedStyle(one)[one instanceof SVGElement ? "fill" : "color"], one.textContent.trim()]);
  const hints = seen.filter(one => one.placeholder)
    .map(one => [one, getComputedStyle(one, "::placeholder").color, one.placeholder]);
  return [...texts, ...hints].map(([one, color, text]) => [text, ratio(one, color)]);
})()"""
"""Every text that is shown, with its contrast to what is behind it."""


@pytest.fixture
def held(store: Store) -> str:
    """A model that waits, a held batch and a sound one, not drawn but written; gives the id of the held one."""
    fill(store, "sound", ["accepted"] * 40)
    write_ledger(store.objects, gate(0, 1), gate(1, 2, 1), steward(2, "rollback", 1, 2), gate(3, 3, 1, approval=True))
    return fill(store, "held", ["quarantined"] * 12 + ["held"] * 30)


def every_page(held: str) -> list[str]:
    """The paths of all kinds of pages that a person sees who is signed in."""
    batch = f"/batches/{held}"
    image = f"{batch}/images/{image_id('held', 1)}?status=quarantined"
    chosen = f"{batch}?status=quarantined&reason=looks+inverted"
    return [
        "/",
        "/batches",
        batch,
        chosen,
        f"{batch}?status=accepted",
        image,
        "/history",
        "/models",
        "/bounds",
        "/batches/none",
    ]


def decide_and_take_back(store: Store, held: str) -> None:
    """A decision that stands, and one that was taken back."""
    review = ["review", "reject", held, "--who", "ada", "--image"]
    for place in (2, 3):
        result = CliRunner().invoke(app, [*review, image_id("held", place), "--why", "blurred by the patient's breath"])
        assert result.exit_code == 0, result.output
    first = load_decisions(store.objects)[held][0].id
    CliRunner().invoke(app, ["review", "undo", first, "--why", "it is not", "--who", "ada"])


def test_all_that_decides_is_done_by_keyboard(visit: Visit, store: Store, held: str) -> None:
    """Without a mouse one signs in, looks, releases, relabels, takes back and signs out, and sees where one is."""
    tab = visit.tab
    visit.open(f"/batches/{held}")
    tab.type("Ada")  # the field has the focus when the page opens
    tab.press("Tab")
    tab.type(visit.token)
    tab.press("Enter", loads=True)
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    visit.reach(".toc a[href*=lateral]")
    tab.press("Enter", loads=True)
    visit.reach(".desk-form a.film")
    tab.press("Enter", loads=True)
    visit.reach("#plain")
    tab.press("ArrowRight")
    visit.reach("#zoom")
    tab.press("Space")
    assert tab.evaluate("[...document.querySelectorAll('.view > :checked')].map(one => one.id)") == ["lighter", "zoom"]
    visit.reach(".turn a[accesskey=b]")
    tab.press("Enter", loads=True)

    visit.reach(".counts a[href*='=held']")
    tab.press("Enter", loads=True)
    visit.reach("figure:last-child input[name=image]")
    tab.press("Space")
    visit.reach("input[name=about]")
    visit.reach("input[name=why]")
    tab.type("seen")
    tab.evaluate("addEventListener('submit', () => { window.sent = true })")
    tab.press("Enter")  # of the field, with which a form would be sent by its first button
    assert tab.evaluate("window.sent") is None
    visit.reach("button[value=release]")
    tab.press("Enter", loads=True)
    visit.reach(".undo summary")
    tab.press("Space")
    visit.reach(".undo input[name=why]")
    tab.type("a second look")
    visit.reach(".undo button")
    tab.press("Space", loads=True)
    visit.reach("input[name=about]")
    tab.press("ArrowRight")
    visit.reach("input[name=why]")
    tab.type("read again")
    visit.reach("select")
    visit.reach("button[value=relabel]")
    tab.press("Enter", loads=True)
    actions = [(one.action, len(one.image_ids)) for one in load_decisions(store.objects)[held]]
    assert actions == [(Action.RELEASE, 1), (Action.UNDO, 0), (Action.RELABEL, 12)]
    visit.reach(".who button")
    tab.press("Enter", loads=True)
    assert tab.address == f"{visit.origin}/sign-in"


def test_no_page_is_wider_than_a_phone(visit: Visit, store: Store, held: str) -> None:
    """At 390 pixels nothing has to be scrolled sideways."""
    decide_and_take_back(store, held)
    visit.tab.resize(PHONE, 800)
    visit.open("/")
    wide = {"/sign-in": visit.tab.evaluate(_WIDTH)}
    visit.sign_in()
    for path in every_page(held):
        visit.open(path)
        wide[path] = visit.tab.evaluate(_WIDTH)
    assert wide == dict.fromkeys(["/sign-in", *every_page(held)], PHONE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out(visit: Visit, store: Store, held: str, scheme: str) -> None:
    """Every text and hint of every page has the contrast that WCAG asks for, in both colour schemes."""
    decide_and_take_back(store, held)
    visit.tab.prefer(scheme)
    visit.open("/")
    shown = {"/sign-in": visit.tab.evaluate(_CONTRASTS)}
    visit.sign_in()
    for path in every_page(held):
        visit.open(path)
        shown[path] = visit.tab.evaluate(_CONTRASTS)
    assert min(len(texts) for texts in shown.values()) > 5
    assert [(path, *one) for path, texts in shown.items() for one in texts if one[1] < READABLE] == []


def test_pages_ask_nobody_else_and_break_no_policy(visit: Visit, held: str) -> None:
    """Every request of every page goes to the console, and the browser has nothing to complain of."""
    visit.sign_in()
    for path in every_page(held)[:-1]:
        visit.open(path)
    assert len(visit.tab.requests) > len(every_page(held))
    assert (visit.asked_elsewhere(), visit.tab.complaints) == ([], [])
