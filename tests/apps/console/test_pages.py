"""The desk's pages: what they say, and what their forms decide."""

import io
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from httpx import Response
from PIL import Image
from prefect.settings import PREFECT_API_URL, temporary_settings
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from storage.bounds import load_bounds
from storage.catalog import commit_batch
from storage.decisions import Recorded, load_decisions, load_rows_now
from storage.shards import load_image
from storage.store import Store
from tests.apps.console.browsers import audited
from tests.apps.console.filling import fill, image_id
from xray_model.outcomes import BatchOutcome, BatchStatus

STATUSES = ["quarantined", "held", "quarantined", "held", "quarantined"]


def fields_of(page: Response) -> dict[str, str]:
    """The hidden fields of the deciding form of a page."""
    form = page.text[page.text.index("/decisions?") :]
    return dict(re.findall(r'type="hidden" name="([a-z]+)" value="([^"]*)"', form[: form.index("</form>")]))


def text_of(page: Response) -> str:
    """The words of a page in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def headline(page: Response) -> str:
    """Its heading."""
    assert page.status_code == 200, page.text
    found = re.search(r"<h1>(.*?)</h1>", page.text, re.DOTALL)
    assert found
    return unescape(re.sub(r"<[^>]+>", "", found[1])).strip()


def decide(browser: TestClient, address: str, action: str, **more: str | list[str]) -> Response:
    """Send the deciding form of the page at `address`."""
    page = browser.get(address)
    fields = fields_of(page) | {"about": "ticked", "why": "seen", "action": action} | more
    batch, _, query = address.partition("?")
    answer: Response = browser.post(f"{batch.split('/images/')[0]}/decisions?{query}", data=fields)
    return answer


def now(store: Store, batch_id: str) -> list[str]:
    """Statuses as they count now, in the batch's order."""
    return load_rows_now(store.objects, ["status"], [batch_id])["status"].tolist()


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


def test_ticked_images_alone_are_decided(stella: TestClient, store: Store, console: ConsoleSettings) -> None:
    """The ticked images change and no other; the next page says so, and who decided is the one who signed in."""
    batch_id = fill(store, "b", STATUSES)
    answer = decide(stella, f"/batches/{batch_id}", "release", image=[image_id("b", 0), image_id("b", 4)])
    assert answer.status_code == 303
    assert now(store, batch_id) == ["accepted", "held", "quarantined", "held", "accepted"]
    assert "Recorded: you released 2 images." in text_of(stella.get(answer.headers["location"]))
    (decision,) = load_decisions(store.objects)[batch_id]
    assert (decision.who, decision.why) == ("Stella", "seen")
    (line,) = [line for line in audited(console) if line["event"] == "decision"]
    assert (line["who"], line["facts"]["decision"]) == ("Stella", decision.id)


@pytest.mark.parametrize(
    ("query", "action", "after"),
    [
        ("", "reject", ["rejected", "held", "rejected", "held", "rejected"]),
        ("?reason=looks+inverted", "reject", ["rejected", "held", "quarantined", "held", "rejected"]),
        ("?status=held", "release", ["quarantined", "accepted", "quarantined", "accepted", "quarantined"]),
        ("?clue=view&value=AP", "release", ["accepted", "held", "quarantined", "held", "quarantined"]),
    ],
)
def test_a_whole_list_is_decided_at_once(
    stella: TestClient, store: Store, query: str, action: str, after: list[str]
) -> None:
    """Everything that was chosen is decided, on all pages of it, and nothing else."""
    batch_id = fill(store, "b", STATUSES)
    assert decide(stella, f"/batches/{batch_id}{query}", action, about="list").status_code == 303
    assert now(store, batch_id) == after


def test_a_list_that_changed_is_not_decided(stella: TestClient, store: Store) -> None:
    """Another decision in between makes it another list: nothing is decided, and the page says to look again."""
    batch_id = fill(store, "b", STATUSES)
    fields = fields_of(stella.get(f"/batches/{batch_id}")) | {"about": "list", "why": "seen", "action": "reject"}
    decide(stella, f"/batches/{batch_id}", "release", image=image_id("b", 0))
    answer = stella.post(f"/batches/{batch_id}/decisions", data=fields)
    assert answer.status_code == 422
    assert "look again, nothing was decided" in text_of(answer)
    assert now(store, batch_id) == ["accepted", "held", "quarantined", "held", "quarantined"]


def test_what_can_never_be_released_is_left_out_of_a_list(stella: TestClient, store: Store) -> None:
    """The form says how many can be; one that names such an image is refused as a whole, with its reason."""
    batch_id = fill(store, "b", STATUSES, patient_id=[None, *["a"] * 4])
    page = f"/batches/{batch_id}"
    assert "(2 of them can be released)" in text_of(stella.get(page))
    answer = decide(stella, page, "release", image=[image_id("b", 0), image_id("b", 2)])
    assert answer.status_code == 422
    assert "can never be released" in text_of(answer)
    assert now(store, batch_id) == STATUSES
    decide(stella, page, "release", about="list")
    assert now(store, batch_id) == ["quarantined", "held", "accepted", "held", "accepted"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"why": " "},
        {"action": "burn"},
        {"about": "all"},
        {"image": "f" * 64},
        {"action": "relabel", "label": "flu"},
        {},
    ],
    ids=["no reason", "no such action", "about nothing", "no such image", "no such finding", "nothing ticked"],
)
def test_a_wrong_form_decides_nothing(stella: TestClient, store: Store, wrong: dict[str, str]) -> None:
    """It is refused with what is wrong, and nothing is recorded."""
    batch_id = fill(store, "b", STATUSES)
    answer = decide(stella, f"/batches/{batch_id}", **{"action": "release", **wrong})
    assert answer.status_code == 422
    assert load_decisions(store.objects) == {}


@pytest.mark.parametrize("about", ["batch", "list"])
def test_a_form_sent_twice_is_decided_once(stella: TestClient, store: Store, about: str) -> None:
    """The second answer is that of the first, also where that changed the list; with another reason it is refused."""
    batch_id = fill(store, "b", STATUSES)
    page = stella.get(f"/batches/{batch_id}?status=held")
    fields = fields_of(page) | {"about": about, "why": "seen", "action": "release"}
    address = f"/batches/{batch_id}/decisions?status=held"
    answers = [stella.post(address, data=fields) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len({answer.headers["location"] for answer in answers}) == 1
    if about == "list":
        assert stella.post(address, data={**fields, "why": "seen again"}).status_code == 422
    assert len(load_decisions(store.objects)[batch_id]) == 1


def test_a_release_counts_where_prefect_does_not_answer(
    stella: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The decision is recorded and answered; that nobody could be told stands in the log."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    told: list[Recorded] = []

    def tell_nobody(recorded: Recorded) -> bool:
        told.append(recorded)
        return False

    # What it asks is asked of a real server in tests/service; Prefect reads its settings once in a process.
    monkeypatch.setattr("tasks.decisions.announce_release", tell_nobody)
    batch_id = fill(store, "b", STATUSES)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):  # Prefect may be imported already
        assert decide(stella, f"/batches/{batch_id}", "release", about="batch").status_code == 303
    assert now(store, batch_id).count("accepted") == 2
    assert [one.accepted for one in told] == [2]
    assert "the Prefect server does not answer" in caplog.text


def test_image_after_image_is_decided(stella: TestClient, store: Store) -> None:
    """The page of an image has those before and after it, and its form leads on to the next."""
    batch_id = fill(store, "b", STATUSES)
    first, second, third = (f"/batches/{batch_id}/images/{image_id('b', place)}" for place in (0, 2, 4))
    page = stella.get(f"{second}?status=quarantined")
    assert "2 of 3 quarantined images" in text_of(page)
    assert [f'href="{one}?status=quarantined"' in page.text for one in (first, third)] == [True, True]
    answer = decide(stella, f"{first}?status=quarantined", "reject")
    assert answer.headers["location"].startswith(f"{second}?status=quarantined&decided=")
    assert headline(stella.get(first)) == "Rejected: it looks inverted"
    assert now(store, batch_id) == ["rejected", "held", "quarantined", "held", "quarantined"]


def test_a_relabelled_image_keeps_what_the_source_said(stella: TestClient, store: Store) -> None:
    """The page tells both findings; whether the image is accepted stays as it is."""
    batch_id = fill(store, "b", STATUSES)
    address = f"/batches/{batch_id}/images/{image_id('b', 1)}?status=held"
    decide(stella, address, "relabel", label="pneumonia")
    assert "pneumonia; the source recorded covid" in text_of(stella.get(address))
    assert now(store, batch_id) == STATUSES


def test_a_decision_is_taken_back_from_history(stella: TestClient, store: Store) -> None:
    """History lists each decision with who and why, and a form beside it undoes it."""
    batch_id = fill(store, "b", STATUSES)
    decide(stella, f"/batches/{batch_id}", "release", about="batch", why="all <right>")
    page = stella.get("/history")
    assert headline(page) == "1 decision, each kept for ever"
    assert "Stella released the whole batch" in text_of(page)
    assert "“all <right>”" in text_of(page)
    assert "<right>" not in page.text
    action, csrf, token = re.findall(
        r'action="([^"]*/undo)">\s*<input[^>]*name="csrf" value="([^"]*)"><input[^>]*name="token" value="([^"]*)"',
        page.text,
    )[0]
    assert stella.post(action, data={"csrf": csrf, "token": token, "why": "second look"}).status_code == 303
    assert now(store, batch_id) == STATUSES
    assert "taken back" in text_of(stella.get("/history"))


def test_a_decision_on_an_earlier_reading_is_taken_back(stella: TestClient, store: Store) -> None:
    """After the batch was read again the decision is still listed, and taking it back leads to history again."""
    batch_id = fill(store, "b", STATUSES)
    decide(stella, f"/batches/{batch_id}", "reject", image=image_id("b", 1))
    again = fill(store, "b", STATUSES, batch=f"{batch_id}-1")
    assert now(store, again)[1] == "rejected"
    (decision,) = load_decisions(store.objects)[batch_id]
    fields = fields_of(stella.get(f"/batches/{again}"))
    answer = stella.post(f"/decisions/{decision.id}/undo", data=fields | {"why": "a second look"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/history")
    assert now(store, again) == STATUSES


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
