"""Deciding in the console: what a form decides, and what it must not."""

import re

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from storage.decisions import Recorded, load_decisions
from storage.store import Store
from tests.apps.console.browsers import audited
from tests.apps.console.filling import fill, image_id
from tests.apps.console.reading import STATUSES, decide, fields_of, headline, now, text_of


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
