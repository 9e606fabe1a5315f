"""The figures for Prometheus are those of the store's records."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.decisions import record_decision
from storage.desk import Desk
from storage.ledger import load_entries
from storage.metrics import render_metrics, write_night_metrics
from storage.store import Store
from tests.storage.entries import START, WAITING, write_ledger
from tests.storage.measured import STARTED, fill_store, make_night, put_night, read_figures
from xray_model.data.decisions import propose
from xray_model.errors import InvalidInput


def test_every_figure_is_that_of_the_records(store: Store) -> None:
    """Batches, images, what waits, the gate, the champion, the night and its drift are told as they were recorded."""
    fill_store(store)
    figures = read_figures(render_metrics(Desk(store.objects)))
    committed = figures.pop("xray_waiting_since_timestamp_seconds batch")
    assert datetime.now(UTC).timestamp() - committed < timedelta(minutes=5).total_seconds()
    assert figures == {
        "xray_batches accepted": 1,
        "xray_batches held": 1,
        "xray_batches refused": 0,
        "xray_images accepted": 4,
        "xray_images quarantined": 2,
        "xray_images held": 2,
        "xray_waiting batch": 1,
        "xray_waiting model": 1,
        "xray_waiting_since_timestamp_seconds model": WAITING[2].decided.timestamp(),
        "xray_gate_decisions_total promoted": 2,
        "xray_gate_decisions_total left to a steward": 1,
        "xray_gate_decisions_total not promoted": 0,
        "xray_champion_in_service": 1,
        "xray_champion_version": 2,
        "xray_champion_since_timestamp_seconds": (START + timedelta(days=1)).timestamp(),
        "xray_champion_minority_f1": 0.8,
        "xray_night_finished_timestamp_seconds": (STARTED + timedelta(minutes=12)).timestamp(),
        "xray_night_duration_seconds": 720,
        "xray_night_failed": 0,
        "xray_night_trained": 0,
        "xray_night_stage_duration_seconds ingest": 61.5,
        "xray_night_stage_duration_seconds retrain": 640,
        "xray_night_batches accepted": 0,
        "xray_night_batches held": 1,
        "xray_night_batches refused": 0,
        "xray_night_batches failed": 0,
        "xray_night_images accepted": 0,
        "xray_night_images quarantined": 3,
        "xray_night_images held": 7,
        "xray_drift_share": 0.5,
        "xray_drift_state unknown": 0,
        "xray_drift_state ok": 0,
        "xray_drift_state watch": 1,
        "xray_drift_state retrain": 0,
        "xray_drift_state hold": 0,
    }


def test_an_empty_store_has_no_night_and_no_champion(store: Store) -> None:
    """Nothing is made up: where there was no night none is told of, and there is no champion."""
    figures = read_figures(render_metrics(Desk(store.objects)))
    assert figures["xray_champion_in_service"] == 0
    assert figures["xray_waiting batch"] == figures["xray_batches accepted"] == 0
    assert not [name for name in figures if name.startswith(("xray_night", "xray_drift", "xray_waiting_since"))]


def test_a_decided_batch_waits_no_more(store: Store) -> None:
    """What a steward decided counts with the next scrape."""
    fill_store(store)
    desk = Desk(store.objects)
    (held,) = [one.outcome.batch_id for one in desk.list_batches() if one.held]
    record_decision(store.objects, propose(batch_id=held, action="release", image_ids=(), who="ada", why="seen"))
    figures = read_figures(render_metrics(desk))
    assert (figures["xray_waiting batch"], figures["xray_batches held"], figures["xray_batches accepted"]) == (0, 0, 2)
    assert figures["xray_images accepted"] == 6
    assert "xray_waiting_since_timestamp_seconds batch" not in figures


def test_the_newest_night_counts(store: Store) -> None:
    """Of two nights the later one is told, and a night that left no record hides it not."""
    later = STARTED + timedelta(days=1)
    put_night(store, make_night())
    put_night(store, make_night(failed=True, night_id="20260505T020000Z-0000", finished=later))
    store.objects.create("reports/nights/20260506T020000Z-0000/index.html", b"a page")
    figures = read_figures(render_metrics(Desk(store.objects)))
    assert figures["xray_night_failed"] == 1
    assert figures["xray_night_finished_timestamp_seconds"] == later.timestamp()


def test_a_damaged_ledger_is_no_figure(store: Store) -> None:
    """Where nobody can say which model is in service, no figure says so."""
    store.objects.create("ledger/00000000.json", b"{}")
    with pytest.raises(InvalidInput):
        render_metrics(Desk(store.objects))


def test_nothing_names_a_batch_or_an_image(store: Store) -> None:
    """Labels are statuses, kinds and stages: never a batch, an image, a source or a key."""
    fill_store(store)
    content = render_metrics(Desk(store.objects)).decode()
    assert not [name for name in ("hospital", "Jane-Doe", "incoming", "ada") if name in content]


def test_a_night_leaves_its_figures_in_a_file(store: Store, tmp_path: Path) -> None:
    """The file has the same figures of the night and the ledger as a scrape, and is replaced whole."""
    fill_store(store)
    path = tmp_path / "metrics" / "xray.prom"
    for night in (make_night(failed=True), make_night()):
        write_night_metrics(night, load_entries(store.objects), path)
    written = read_figures(path.read_bytes())
    scraped = read_figures(render_metrics(Desk(store.objects)))
    assert written == {name: value for name, value in scraped.items() if name in written}
    assert set(scraped) - set(written) == {
        name for name in scraped if name.startswith(("xray_batches", "xray_images", "xray_waiting"))
    }
    assert [file.name for file in path.parent.iterdir()] == ["xray.prom"]


def test_a_ledger_alone_is_told(store: Store) -> None:
    """Decisions count also where no night left a record."""
    write_ledger(store.objects, *WAITING)
    figures = read_figures(render_metrics(Desk(store.objects)))
    assert figures["xray_gate_decisions_total promoted"] == 2
