"""The desk's pages: what they say of batches, images and bounds, and to whom."""

import io
import re
from html import unescape

import numpy as np
import pandas as pd
from PIL import Image
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from storage.bounds import load_bounds
from storage.catalog import commit_batch
from storage.shards import load_image
from storage.store import Store
from tests.apps.console.browsers import audited
from tests.apps.console.filling import fill, image_id
from tests.apps.console.reading import STATUSES, decide, headline, text_of
from xray_model.outcomes import BatchOutcome, BatchStatus


def test_an_empty_store_says_what_to_do(stella: TestClient) -> None:
    """Nothing waits, and the page says how a batch is sent."""
    assert headline(stella.get("/")) == "Nothing waits for you"
    assert "xray push PATH --source NAME" in stella.get("/").text
    for address, words in [("/batches", "No batch"), ("/history", "Nothing has been"), ("/models", "No model")]:
        assert words in headline(stella.get(address))


def test_the_desk_names_what_waits_and_why(stella: TestClient, store: Store) -> None:
    """A held batch stands first, then refused images of accepted ones, and nothing once all is decided."""
    held = fill(store, "held", STATUSES)
    assert headline(stella.get("/")) == "One batch waits for you"
    fill(store, "sound", ["accepted", "quarantined"])
    page = text_of(stella.get("/"))
    assert "hospital / held held More than 5% of its images look inverted." in page
    assert "hospital / sound 1 image refused" in page
    decide(stella, f"/batches/{held}", "reject", about="batch")
    assert headline(stella.get("/")) == "No batch is held; 4 refused images can be looked at"
    decided = "held is decided: 0 accepted, 2 rejected; 3 refused images can be looked at"
    assert headline(stella.get(f"/batches/{held}")) == decided


def test_the_desk_shows_what_is_wrong_with_a_batch(stella: TestClient, store: Store) -> None:
    """The pictures beside a held batch are of its most common fault, however many sound images wait with it."""
    fill(store, "b", ["held"] * 9 + ["quarantined"] * 3)
    shown = re.findall(r"/pictures/[^/]*/([0-9a-f]{64})\.jpg", stella.get("/").text)
    assert shown == [image_id("b", place) for place in (9, 11)]


def test_counts_and_reasons_lead_to_their_images(stella: TestClient, store: Store) -> None:
    """Every count and every reason links to a gallery of so many images."""
    batch_id = fill(store, "b", STATUSES)
    page = stella.get(f"/batches/{batch_id}").text
    links = dict(re.findall(r'href="([^"]*\?status=[^"]*)#images"[^>]*><b>(\d+)</b>', page))
    links |= dict(re.findall(r'href="([^"]*reason=[^"]*)#images"[^>]*><span>[^<]*</span><b>(\d+)</b>', page))
    assert sorted(links.values()) == ["1", "2", "2", "3"]
    for address, images in links.items():
        assert stella.get(unescape(address)).text.count('<input type="checkbox"') == int(images)


def test_a_likely_cause_is_said(stella: TestClient, store: Store) -> None:
    """One scanner that most refused images come from is named with its figures."""
    batch_id = fill(store, "b", ["quarantined"] * 9 + ["held"] * 20)
    said = "9 of 9 images with scanner GMM are refused, 0 of the 20 others."
    assert said in text_of(stella.get(f"/batches/{batch_id}"))
    assert said in text_of(stella.get("/"))


def test_a_viewer_sees_everything_and_decides_nothing(victor: TestClient, store: Store) -> None:
    """The same pages, with no form but the one to sign out."""
    batch_id = fill(store, "b", STATUSES)
    image = f"/batches/{batch_id}/images/{image_id('b', 0)}"
    for address in ("/", "/batches", f"/batches/{batch_id}", image, "/history", "/models", "/bounds"):
        page = victor.get(address)
        assert page.status_code == 200
        assert re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page.text) == ["/sign-out"]
        assert 'name="action"' not in page.text


def test_a_picture_is_what_the_model_sees(stella: TestClient, store: Store) -> None:
    """It is the image's canonical pixels as a JPEG that only this browser may keep."""
    batch_id = fill(store, "b", ["held", "quarantined"], shard=[0, None], row=[0, None])
    answer = stella.get(f"/pictures/{batch_id}/{image_id('b', 0)}.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "private" in answer.headers["cache-control"]
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert np.abs(pixels.astype(int) - load_image(store.objects, batch_id, 0, 0)).mean() < 12
    missing = stella.get(f"/pictures/{batch_id}/{image_id('b', 1)}.jpg")
    assert missing.status_code == 404
    assert "No picture: the file could not be decoded" in stella.get(f"/batches/{batch_id}").text


def test_a_batch_refused_as_a_whole_says_what_to_do(stella: TestClient, store: Store) -> None:
    """It has no images to decide about; its page says why, and how it is sent again."""
    reason = "It follows no layout that a reader knows."
    outcome = BatchOutcome(
        batch_id="h.odd.0123456789ab", source="h", name="odd", status=BatchStatus.REFUSED, reasons=(reason,)
    )
    commit_batch(store.objects, pd.DataFrame(), outcome)
    page = text_of(stella.get("/batches/h.odd.0123456789ab"))
    assert reason in page
    assert "xray push PATH --source h" in page
    assert headline(stella.get("/")) == "One batch could not be read"
    desk = text_of(stella.get("/"))
    assert reason in desk
    assert "Nothing waits" not in desk


def test_proposed_bounds_are_seen_and_accepted(stella: TestClient, store: Store, console: ConsoleSettings) -> None:
    """Today's bound stands beside the proposed one; accepted, it is in force with who and why, and can be put back."""
    fill(store, "b", ["accepted"] * 400, entropy=np.linspace(6.5, 7.5, 400), source="hospital")
    page = stella.get("/bounds")
    assert headline(page) == "Accepted images speak for other bounds in 3 rules"
    fields = dict(re.findall(r'name="(csrf|token|shown)" value="([^"]*)"', page.text))
    answer = stella.post("/bounds", data=fields | {"rule": "too-few-grays", "why": "our films have more"})
    assert answer.status_code == 303
    in_force = load_bounds(store.objects).bounds["too-few-grays"]
    assert in_force.low is not None
    assert in_force.low > 3.5
    page = stella.get("/bounds")
    assert f"{in_force.words} set by Stella" in text_of(page)
    assert "“our films have more”" in text_of(page)
    assert [line["event"] for line in audited(console)][-1] == "bounds"
    (token,) = re.findall(r'action="/bounds/reset">.*?name="token" value="([^"]*)"', page.text)
    back = {"csrf": fields["csrf"], "token": token, "rule": "too-few-grays", "why": "too many refused"}
    assert stella.post("/bounds/reset", data=back).status_code == 303
    assert load_bounds(store.objects).bounds["too-few-grays"].low == 3.5


def test_bounds_that_changed_since_are_not_accepted(stella: TestClient, store: Store) -> None:
    """Where other bounds are proposed than the form's reader saw, or nothing is ticked, nothing is accepted."""
    fill(store, "b", ["accepted"] * 400, entropy=np.linspace(6.5, 7.5, 400))
    fields = dict(re.findall(r'name="(csrf|token|shown)" value="([^"]*)"', stella.get("/bounds").text))
    assert stella.post("/bounds", data=fields | {"why": "nothing ticked"}).status_code == 422
    fill(store, "c", ["accepted"] * 400, entropy=np.linspace(5.0, 7.5, 400))
    assert stella.post("/bounds", data=fields | {"rule": "too-few-grays", "why": "seen"}).status_code == 422
    assert load_bounds(store.objects).id is None


def test_a_long_list_is_paged(stella: TestClient, store: Store) -> None:
    """Each page holds 48 images, links to its neighbours, and together they hold every image once."""
    batch_id = fill(store, "b", ["quarantined"] * 100)
    found = []
    for page in (1, 2, 3):
        text = stella.get(f"/batches/{batch_id}?page={page}").text
        found += re.findall(r'name="image" value="([0-9a-f]{64})"', text)
        assert ('rel="next"' in text, 'rel="prev"' in text) == (page < 3, page > 1)
    assert found == [image_id("b", place) for place in range(100)]
