"""A model card in a real browser, as the console gives it out."""

import pytest

from storage.reports import write_index, write_model_page
from storage.store import Store
from tests.service.visits import Visit
from tests.storage.reports.carding import judged_card, judged_retrain

pytestmark = pytest.mark.service

_LOAD = """Promise.all([...document.images].map(one => {
  one.loading = "eager";
  return one.decode();
})).then(() => 0)"""
_UNDRAWN = "[...document.images].filter(one => !one.complete || !one.naturalWidth).map(one => one.src)"
_WIDTH = "Math.max(innerWidth, document.documentElement.scrollWidth)"
_OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


@pytest.mark.parametrize("width", [390, 1280])
def test_every_picture_is_drawn(visit: Visit, store: Store, width: int) -> None:
    """Wide or on a phone, by day or in the dark, all pictures load, nothing is blocked, and nothing is cut off."""
    retrain = judged_retrain()
    write_index(store.objects)
    page = write_model_page(store.objects, retrain, judged_card(retrain))
    visit.sign_in()
    visit.tab.resize(width, 900)
    for scheme in ("light", "dark"):
        visit.tab.prefer(scheme)
        visit.open(f"/{page}")
        visit.tab.evaluate(_OPEN)
        visit.tab.evaluate(_LOAD)
        assert visit.tab.count("img") == 11
        assert visit.tab.evaluate(_UNDRAWN) == []
        assert visit.tab.evaluate(_WIDTH) == width
    assert visit.tab.complaints == []
    assert visit.asked_elsewhere() == []
