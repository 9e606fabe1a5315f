"""Reading the console's pages, and sending the form by which a steward decides."""

import re
from html import unescape

from httpx import Response
from starlette.testclient import TestClient

from storage.decisions import load_rows_now
from storage.store import Store

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
