"""A night says how long its stages took, and leaves its figures for Prometheus."""

from pathlib import Path

import pytest

from flows.nightly import nightly
from flows.running import run_flow
from flows.timing import measure
from storage.reports.records import read_nights
from storage.settings import Settings
from storage.store import open_store
from tests.storage.measured import read_figures
from xray_model.outcomes import NightOutcome, StageTime


def test_a_stage_that_fails_is_timed_too() -> None:
    """A stage is told of in the order of its end, also where it ends by an exception."""
    stages: list[StageTime] = []
    with measure("ingest", stages):
        pass
    with pytest.raises(ZeroDivisionError), measure("retrain", stages):
        raise ZeroDivisionError
    assert [stage.name for stage in stages] == ["ingest", "retrain"]
    assert all(0 <= stage.seconds < 5 for stage in stages)


@pytest.mark.usefixtures("prefect_server")
def test_a_night_leaves_its_figures(home: Path) -> None:
    """The file holds the figures of the night as its record has them; where it cannot be written the night counts."""
    night: NightOutcome = run_flow(nightly, None)
    figures = read_figures((home / "metrics" / "xray.prom").read_bytes())
    assert [stage.name for stage in night.stages] == ["ingest", "monitor", "retrain"]
    for stage in night.stages:
        assert figures[f"xray_night_stage_duration_seconds {stage.name}"] == stage.seconds
    (home / "metrics" / "xray.prom").unlink()
    (home / "metrics").rmdir()
    (home / "metrics").write_text("no folder")
    again: NightOutcome = run_flow(nightly, None)
    kept = [record.night.night_id for record in read_nights(open_store(Settings()).objects, 5).nights]
    assert kept == sorted([night.night_id, again.night_id], reverse=True)
