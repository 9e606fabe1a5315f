"""A store in which a sender, a source's tables and a steward have written one text wherever they can."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
from pydantic import SecretStr
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from storage.catalog import commit_batch
from storage.decisions import record_decision
from storage.reports import keys
from storage.reports.batches import write_batch_page
from storage.reports.drift import write_drift_report
from storage.reports.index import write_index
from storage.reports.nights import write_night_page
from storage.reports.pictures import Picture
from storage.reports.validation import write_validation_page
from storage.reports.validation_index import write_validation_index
from storage.settings import Settings
from storage.store import Store, open_store
from tests.apps.console.browsers import HOST, open_browser
from tests.apps.console.filling import fill, image_id
from tests.storage.entries import gate, steward, write_ledger
from tests.storage.reports.comparing import compared
from xray_model.data.decisions import propose
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    DriftOutcome,
    DriftState,
    ExpectationResult,
    NightOutcome,
    Refusal,
    RetrainOutcome,
)

TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
BATCH, REFUSED = "hospital.sent.0123456789ab", "hospital.refused.0123456789ab"
_NIGHT = "20261121T020000Z-3f9a"
_STATUSES = ["quarantined", "held", "quarantined", "accepted", "quarantined", "quarantined"]


class Page(HTMLParser):
    """What a browser makes of a page, as far as it matters here."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.skeleton: list[tuple[str, tuple[str, ...]]] = []
        """Each element with the names of its attributes, in order."""
        self.addresses: list[str] = []
        """Whatever it would fetch, follow or send to."""
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.skeleton.append((tag, tuple(name for name, _ in attrs)))
        named = ("href", "src", "action", "formaction", "srcset", "data", "poster", "background")
        self.addresses += [value or "" for name, value in attrs if name in named]

    def handle_data(self, data: str) -> None:
        """Text between elements."""
        self.words += data


def open_desk(folder: Path, text: str) -> tuple[TestClient, list[str]]:
    """A steward's browser at a console over such a store, and the addresses of its pages."""
    store = open_store(Settings(home=folder, salt=SecretStr("a salt for tests"), side=64))
    reports = plant(store, text)
    console = ConsoleSettings(folder / "console", frozenset({HOST}), 8420, owner="ada")
    return open_browser(create_app(console, store)), [*(f"/{key}" for key in reports), *_addresses(text)]


def plant(store: Store, text: str) -> list[str]:
    """Fill a store with batches, decisions and reports that hold `text`; gives the keys of the reports."""
    fill(
        store,
        text,
        _STATUSES,
        (f"looks {text}", f"is {text}"),
        batch=BATCH,
        **dict.fromkeys(["label", "view", "sex", "manufacturer", "mode", "window_path"], text),
    )
    result = ExpectationResult(
        code="of-an-attacker",
        sentence=text,
        refusal=text,
        severity="batch",
        passed=False,
        evaluated=True,
        failures=1,
        observed=text,
        suite=text,
        kind=text,
        bounds=text,
    )
    refused = BatchOutcome(
        batch_id=REFUSED,
        source=text,
        name=text,
        status=BatchStatus.REFUSED,
        reasons=(text, text),
        files=1,
        refusals=(Refusal(reason=text, images=1),),
        expectations=(result,),
    )
    commit_batch(store.objects, pd.DataFrame(), refused)
    said = text if text.isprintable() else "plain"
    first = propose(batch_id=BATCH, action="reject", image_ids=(image_id(text, 0),), who=said[:100], why=said)
    decision = record_decision(store.objects, first).decision.id
    undone = propose(batch_id=BATCH, action="undo", undoes=decision, who=said[:100], why=said)
    record_decision(store.objects, undone)
    record_decision(store.objects, first)
    refusal, rollback = (
        entry.model_copy(update={"who": said[:100], "why": said})
        for entry in (steward(3, "refusal", 3, 2), steward(4, "rollback", 1, 2))
    )
    judged = gate(2, 3, 2, approval=True)
    judged = judged.model_copy(
        update={"backbone": text, "decision": judged.decision.model_copy(update={"minority": text})}
    )
    waiting = judged.model_copy(
        update={"number": 5, "challenger_version": 4, "champion_before": 1, "champion_after": 1}
    )
    write_ledger(store.objects, gate(0, 1), gate(1, 2, 1), judged, refusal, rollback, waiting)
    picture = Picture(image_id(text, 0), np.zeros((8, 8), np.uint8), text, (text,))
    write_batch_page(store.objects, refused, [picture], [picture], 1)
    now = datetime(2026, 11, 21, 2, tzinfo=UTC)
    night = NightOutcome(
        night_id=_NIGHT,
        started=now,
        finished=now,
        batches=(refused,),
        drift=DriftOutcome(state=DriftState.UNKNOWN, reasons=(text,)),
        retrain=RetrainOutcome(trained=False, reasons=(text,)),
        champion=None,
    )
    write_night_page(store.objects, night)
    drift = compared(name=BATCH, reasons=(text,), notes=(text,), when=now)
    drift_page = write_drift_report(store.objects, drift, None, None, [picture], [picture]).page_key
    write_index(store.objects)
    return [
        keys.INDEX,
        keys.night_page(_NIGHT),
        keys.batch_page(refused),
        keys.DRIFTS,
        str(drift_page),
        write_validation_page(store.objects, refused, {"of-an-attacker": [image_id(text, 0), text]}),
        write_validation_index(store.objects),
    ]


def _addresses(text: str) -> list[str]:
    said, home = quote(text, safe=""), f"/batches/{BATCH}"
    image = image_id(text, 0)
    return [
        "/",
        "/batches",
        home,
        f"{home}?status={said}&page={said}&decided={said}",
        f"{home}?status=quarantined&reason={quote(f'looks {text}', safe='')}",
        f"{home}?status=quarantined&clue=manufacturer&value={said}",
        f"{home}?status=rejected&reason={said}&clue={said}&value={said}",
        f"{home}/images/{image}?reason={said}&decided={said}",
        f"/batches/{REFUSED}",
        "/history",
        f"/history?page={said}",
        "/models",
        "/bounds",
        f"/batches/{said}",
        f"{home}/images/{said}",
        f"/pictures/{said}/{said}.jpg",
        f"/reports/{said}.html",
        f"/{said}",
    ]
