"""Real consoles in a crowd: no decision is lost, nobody sees half of one, and nothing fails."""

import json
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import unescape
from itertools import repeat
from pathlib import Path

import httpx
import numpy as np
import pytest

from apps.console.access.people import People
from apps.console.access.visitors import Role
from storage.decisions import PREFIX, load_decisions, load_rows_now
from storage.store import Store
from tests.apps.console.filling import fill, image_id
from tests.servers.console import console_process, console_server
from tests.service.consoles import memory_of, secret_of, sign_in

pytestmark = pytest.mark.service

READERS, WRITERS = 200, 5
WHOLE = "CI" not in os.environ
IMAGES = 5000 if WHOLE else 3000
READS, DECISIONS = (10, 20) if WHOLE else (3, 8)
"""Requests of each reader, and decisions of each writer."""
SHARED = 10
"""Images that all writers decide about."""


class Crowd:
    """What a crowd was answered, and how long it took."""

    def __init__(self, batch: str) -> None:
        self.batch = batch
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()

    def read(self, browser: httpx.Client, number: int) -> None:
        """One reader: the desk, pages of the batch and of its images, and pictures, in an order of its own."""
        chance = random.Random(number)
        home = f"/batches/{self.batch}"
        for _ in range(READS):
            image = image_id("crowded", chance.randrange(IMAGES))
            picture = f"/pictures/{self.batch}/{image}.jpg"
            listed = f"{home}?status=quarantined&page={chance.randrange(1, 60)}"
            address = chance.choice(["/", listed, f"{home}/images/{image}", picture, picture])
            answer = self._timed(partial(browser.get, address))
            assert answer.status_code == 200, answer.text
            if address == listed:
                check_counts(answer.text)

    def write(self, browser: httpx.Client, writer: int) -> list[str]:
        """One writer: decisions by turns about images of its own and about those of all; gives their ids."""
        secret = secret_of(browser)
        made = []
        for turn in range(DECISIONS):
            own = [image_id("crowded", SHARED + (writer * DECISIONS + turn) * 4 + place) for place in range(4)]
            form = {
                "csrf": secret,
                "token": f"{writer}-{turn}",
                "about": "ticked",
                "image": [image_id("crowded", place) for place in range(SHARED)] if turn % 2 else own,
                "why": f"{writer}, {turn}",
                "action": "reject" if turn % 4 else "release",
            }
            answer = self._timed(partial(browser.post, f"/batches/{self.batch}/decisions", data=form))
            assert answer.status_code == 303, answer.text
            made.append(answer.headers["location"].rpartition("=")[2])
        return made

    def _timed(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        begun = time.monotonic()
        answer = send()
        self.seconds.append(time.monotonic() - begun)
        self.statuses[answer.status_code] += 1
        return answer


def check_counts(page: str) -> None:
    """The counts of a batch's page are those of one moment: they add up, and the list has as many as it says."""
    told = re.findall(r"<b>([\d,]+)</b> <span>([a-z ]+)</span>", page)
    counts = {words: int(number.replace(",", "")) for number, words in told}
    assert counts["images read"] == IMAGES
    assert sum(counts.get(status, 0) for status in ("quarantined", "held", "rejected", "accepted")) == IMAGES
    listed = re.search(r"<h2>([\d,]+) quarantined image", unescape(page))
    assert listed
    assert int(listed[1].replace(",", "")) == counts["quarantined"]


@pytest.fixture
def stewards(home: Path) -> dict[str, str]:
    """Five stewards with their tokens, and a viewer called Reader."""
    people = People(home / "console")
    names = dict.fromkeys((f"Steward {number}" for number in range(WRITERS)), Role.STEWARD)
    return {name: people.add(name, role) or "" for name, role in {**names, "Reader": Role.VIEWER}.items()}


def decided(store: Store, batch: str) -> list[str]:
    """Ids of the decisions on a batch, each object of which the store holds once."""
    ids = [info.key.rpartition("-")[2].removesuffix(".json") for info in store.objects.list(f"{PREFIX}{batch}/")]
    assert ids == [one.id for one in load_decisions(store.objects, [batch])[batch]]
    return sorted(ids)


def test_readers_and_writers_at_once(home: Path, store: Store, tmp_path: Path, stewards: dict[str, str]) -> None:
    """Every decision that was answered is in the store once, every page is of one moment, and nothing fails."""
    batch = fill(store, "crowded", ["quarantined"] * IMAGES)
    for number in range(10):
        fill(store, f"other-{number}", ["accepted", "quarantined", "held"] * 10)
    crowd, log = Crowd(batch), tmp_path / "console.log"
    with console_server(log) as address:
        everybody = httpx.Limits(max_connections=READERS)
        reader = sign_in(address, "Reader", stewards["Reader"], everybody)
        writers = [sign_in(address, name, token) for name, token in stewards.items() if name != "Reader"]
        begun = time.monotonic()
        with ThreadPoolExecutor(READERS + WRITERS) as pool:
            reading = pool.map(crowd.read, repeat(reader), range(READERS))
            made = [name for names in pool.map(crowd.write, writers, range(WRITERS)) for name in names]
            assert len(list(reading)) == READERS
        lasted = time.monotonic() - begun
        assert f"{len(made)} decisions, each kept for ever" in reader.get("/history").text
    middle, late = np.percentile(crowd.seconds, [50, 95])
    print(f"{len(crowd.seconds)} requests of {READERS} readers and {WRITERS} writers in {lasted:.1f} s")
    print(f"p50 {middle:.2f} s, p95 {late:.2f} s, statuses {dict(crowd.statuses)}")
    assert crowd.statuses == {200: READERS * READS, 303: WRITERS * DECISIONS}
    assert decided(store, batch) == sorted(made)
    lines = [json.loads(line) for line in (home / "console" / "audit.jsonl").read_text().splitlines()]
    audited = [line["facts"] for line in lines if line["event"] == "decision"]
    assert sorted(facts["decision"] for facts in audited if facts["new"]) == sorted(made)
    now = load_rows_now(store.objects, ["status"], [batch])["status"]
    assert (now != "quarantined").sum() == SHARED + 4 * WRITERS * DECISIONS // 2
    assert now[:SHARED].nunique() == 1
    assert not re.search("Traceback|Jane|pseudonym", log.read_text())


def test_two_consoles_of_one_store(home: Path, store: Store, tmp_path: Path, stewards: dict[str, str]) -> None:
    """Each sees at once what was decided at the other, none loses a decision, and one form sent to both is one."""
    batch = fill(store, "crowded", ["quarantined"] * 100)
    with (
        console_server(tmp_path / "a.log") as first,
        console_server(tmp_path / "b.log") as second,
    ):
        browsers = [sign_in(address, "Steward 0", stewards["Steward 0"]) for address in (first, second)]
        secrets = [secret_of(browser) for browser in browsers]
        together = threading.Barrier(2, timeout=60)

        def write(place: int) -> list[str]:
            made = []
            for turn in range(12):
                together.wait()
                form = {
                    "csrf": secrets[place],
                    "token": f"{turn}" if turn % 3 == 0 else f"{place}-{turn}",
                    "about": "ticked",
                    "image": image_id("crowded", turn % 2),
                    "why": "seen",
                    "action": "release" if turn % 2 else "reject",
                }
                answer = browsers[place].post(f"/batches/{batch}/decisions", data=form)
                assert answer.status_code == 303, answer.text
                made.append(answer.headers["location"].rpartition("=")[2])
            return made

        with ThreadPoolExecutor(2) as pool:
            mine, yours = pool.map(write, range(2))
        recorded = {one.id for one in load_decisions(store.objects, [batch])[batch]}
        assert recorded == {*mine, *yours}
        assert [mine[turn] == yours[turn] for turn in range(12)] == [turn % 3 == 0 for turn in range(12)]
        pages = [browser.get("/history").text for browser in browsers]
        assert all(decision in page for decision in recorded for page in pages)
        assert f"{len(recorded)} decisions, each kept for ever" in pages[0]
        counts = [re.findall(r"<b>([\d,]+)</b> <span>", browser.get(f"/batches/{batch}").text) for browser in browsers]
        assert counts[0] == counts[1]


def test_memory_does_not_grow_with_what_is_asked_for(
    home: Path, store: Store, tmp_path: Path, stewards: dict[str, str]
) -> None:
    """Batch after batch, picture after picture, decision after decision: what a round takes, the next does not."""
    batches = {name: fill(store, name, ["quarantined"] * 400) for name in (f"b{number}" for number in range(20))}
    with console_process(tmp_path / "console.log") as (address, process):
        steward = sign_in(address, "Steward 0", stewards["Steward 0"])
        secret = secret_of(steward)
        after = []
        for turn in range(4):
            for name, batch in batches.items():
                assert steward.get(f"/batches/{batch}?page={turn}").status_code == 200
                for place in range(turn, 400, 40):
                    assert steward.get(f"/pictures/{batch}/{image_id(name, place)}.jpg").status_code == 200
                form = {"csrf": secret, "token": f"{turn}", "about": "batch", "why": "seen", "action": "relabel"}
                form["label"] = ("covid", "normal")[turn % 2]
                assert steward.post(f"/batches/{batch}/decisions", data=form).status_code == 303
            after.append(memory_of(process))
    print([f"{size / 1e6:.0f} MB" for size in after])
    assert after[-1] - after[1] < 30e6
