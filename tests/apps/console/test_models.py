"""`/models`: what waits, what is in service, and a steward's decisions on it."""

import re

import pytest
from httpx import Response
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from storage.ledger import StewardEntry, champion_of, load_entries
from storage.registry import Registry
from storage.store import Store
from tests.apps.console.browsers import audited
from tests.apps.console.filling import fill
from tests.apps.console.reading import headline, text_of
from tests.storage.entries import gate, steward, write_ledger


@pytest.fixture
def waiting(store: Store) -> Store:
    """A store in which v2 came after v1 into service, and v3 waits."""
    write_ledger(store.objects, gate(0, 1), gate(1, 2, 1), gate(2, 3, 2, approval=True))
    return store


def send(browser: TestClient, address: str, **fields: str) -> Response:
    """Send the form of `/models` that goes to an address."""
    page = browser.get("/models").text
    start = page.index(f'action="{address}"')
    form = page[start : page.index("</form>", start)]
    hidden = dict(re.findall(r'type="hidden" name="([a-z]+)" value="([^"]*)"', form))
    answer: Response = browser.post(address, data=hidden | {"why": "seen"} | fields)
    return answer


def in_service(store: Store) -> int | None:
    """By the ledger."""
    champion = champion_of(load_entries(store.objects))
    return None if champion is None else champion.version


def test_what_waits_is_the_news(stella: TestClient, waiting: Store) -> None:
    """The page and the desk name the model that waits with its score; what each button causes is said beside it."""
    page = stella.get("/models")
    assert headline(page) == "v3 waits for approval, v2 is in service until then"
    said = text_of(page)
    assert "F1 of normal (the minority class) .80, 95 % interval .70 to .90, on 40 test patients" in said
    assert "Approved, it is in service at once instead of v2, and the next challenger is compared with it." in said
    assert headline(stella.get("/")) == "A model waits for you: v3 passed the gate"
    assert "Model v3 waits for approval" in text_of(stella.get("/"))
    fill(waiting, "held", ["held"] * 3)
    assert headline(stella.get("/")) == "One batch and a model wait for you"


def test_approval_puts_it_in_service(
    stella: TestClient, waiting: Store, registry: Registry, console: ConsoleSettings
) -> None:
    """The steward who signed in stands in the ledger, the aliases follow, and the form sent twice decides once."""
    form = approval_form(stella)
    for _ in range(2):
        answer = stella.post("/models/decisions", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/models")
    entry = load_entries(waiting.objects)[-1]
    assert isinstance(entry, StewardEntry)
    assert (entry.kind, entry.version, entry.who, entry.why) == ("approval", 3, "Stella", "seen")
    assert len(load_entries(waiting.objects)) == 4
    assert registry.aliases() == {"challenger": 3, "previous": 2, "champion": 3}
    lines = [line for line in audited(console) if line["event"] == "model"]
    assert [line["facts"]["new"] for line in lines] == [True, False]
    assert lines[0]["facts"] == {"entry": 3, "act": "approval", "version": 3, "new": True}
    page = stella.get("/models")
    assert headline(page) == "v3 is in service: F1 of normal .80"
    assert "approved by Stella “seen”" in text_of(page)


def approval_form(browser: TestClient) -> dict[str, str]:
    """The form that approves v3, as it was shown while v3 waited."""
    page = browser.get("/models").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    return {"csrf": csrf[1], "version": "3", "why": "seen", "action": "approve"}


def test_refusal_keeps_the_champion(stella: TestClient, waiting: Store, registry: Registry) -> None:
    """Nothing waits after it, and the history says who refused."""
    assert send(stella, "/models/decisions", action="refuse").status_code == 303
    assert in_service(waiting) == 2
    page = text_of(stella.get("/models"))
    assert "refused by Stella" in page
    assert "waits for approval" not in page
    assert headline(stella.get("/")) == "Nothing waits for you"


def test_rollback_offers_the_champion_before(stella: TestClient, waiting: Store, registry: Registry) -> None:
    """The one before is chosen; after it the model that waited waits no more, and the page says who went back."""
    page = stella.get("/models").text
    assert '<option value="1" selected>v1, the one before</option>' in page
    assert "waits no more" in page
    assert send(stella, "/models/rollback", version="1").status_code == 303
    assert in_service(waiting) == registry.aliases()["champion"] == 1
    page = text_of(stella.get("/models"))
    assert "v1 is in service since" in page
    assert "Stella went back from v2 to v1" in page
    assert "waits" not in page


@pytest.mark.parametrize(
    ("address", "fields", "status", "words"),
    [
        ("/models/decisions", {"action": "approve", "version": "2"}, 422, "was promoted by the gate alone"),
        ("/models/decisions", {"action": "approve", "version": "9"}, 422, "There is no model v9"),
        ("/models/decisions", {"action": "delete"}, 422, "is approved or refused"),
        ("/models/decisions", {"action": "approve", "version": "\uff13"}, 422, "names no version"),
        ("/models/decisions", {"action": "approve", "why": " "}, 422, "must not be blank"),
        ("/models/rollback", {"version": "3"}, 422, "v3 never was in service"),
        ("/models/rollback", {"version": "2"}, 422, "v2 is in service already"),
        ("/models/rollback", {"version": "1", "seen": "1"}, 409, "came into service since you looked"),
    ],
)
def test_what_cannot_be_decided_is_not(
    stella: TestClient,
    waiting: Store,
    registry: Registry,
    address: str,
    fields: dict[str, str],
    status: int,
    words: str,
) -> None:
    """The refusal is a page that says why, and the ledger is as it was."""
    answer = send(stella, address, **fields)
    assert answer.status_code == status
    assert words in text_of(answer)
    assert len(load_entries(waiting.objects)) == 3


def test_what_was_overtaken_is_said(stella: TestClient, waiting: Store, registry: Registry) -> None:
    """A page that was open while another model came into service approves nothing."""
    form = approval_form(stella)
    write_ledger(waiting.objects, gate(3, 4, 2))
    answer = stella.post("/models/decisions", data=form)
    assert answer.status_code == 409
    assert "v4 came into service since, and it was never compared with that" in text_of(answer)
    assert in_service(waiting) == 4


def test_a_viewer_sees_all_and_decides_nothing(victor: TestClient, waiting: Store) -> None:
    """What waits is shown without a form."""
    page = victor.get("/models").text
    assert "a steward decides about this model" in page
    assert "/models/decisions" not in page
    assert "/models/rollback" not in page


def test_history_has_every_kind(stella: TestClient, waiting: Store) -> None:
    """Each entry of the ledger is a row with who and why, and the one that put the model in service is marked."""
    write_ledger(
        waiting.objects, steward(3, "approval", 3, 2), steward(4, "rollback", 1, 3), gate(5, 4, 1, promote=False)
    )
    page = text_of(stella.get("/models"))
    for words in ("not promoted by the gate", "rolled back to by ada, from v3", "approved by ada", "“the rollback”"):
        assert words in page
    assert page.count("in service v1 rolled") + page.count("v1 in service rolled back to") == 1
    assert "4 models judged." in page
