"""The corpus, taken in once by the real flow in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from storage import catalog
from storage.objects import open_objects
from tests.hostile.corpus import lay_corpus, lay_links
from tests.hostile.encoding import flat_png
from xray_model.outcomes import BatchOutcome

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 240


@dataclass(frozen=True)
class Ingested:
    """What became of the corpus."""

    rows: Mapping[str, pd.Series]
    """Catalog rows by key."""
    outcomes: Mapping[str, BatchOutcome]
    """By `<source>/<batch>`."""
    changed: set[str]
    """Whatever appeared, vanished or changed outside the store and the home."""
    errors: str
    """What the process wrote to stderr."""
    peak_mb: int
    seconds: float


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Ingested:
    """The corpus after one run of the flow `ingest`; the run may neither fail nor take longer than is said here."""
    from prefect.settings import PREFECT_API_URL

    folder = tmp_path_factory.mktemp("hostile")
    store, work, outside = folder / "home" / "store", folder / "work", folder / "outside"
    work.mkdir()
    outside.mkdir()
    (outside / "secret.png").write_bytes(flat_png(300, 300))
    lay_corpus(store / "incoming", folder / "drawings")
    lay_links(store / "incoming", outside)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("XRAY_")},
        "XRAY_HOME": str(folder / "home"),
        "XRAY_SALT": "a salt for tests",
        "PREFECT_API_URL": PREFECT_API_URL.value(),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder / "home"),
    }
    before, begun = _tree(folder), time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "tests.hostile.driver"],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    seconds = time.monotonic() - begun
    assert run.returncode == 0, run.stderr[-5_000:]
    objects = open_objects(store.as_uri())
    rows = catalog.load_rows(objects, ["key", "status", "reasons", "problems", "finding", "manufacturer"])
    outcomes = [catalog.load_outcome(objects, batch) for batch in catalog.batch_ids(objects)]
    return Ingested(
        rows={row["key"]: row for _, row in rows.iterrows()},
        outcomes={f"{outcome.source}/{outcome.name}": outcome for outcome in outcomes},
        changed={path for path, _ in before ^ _tree(folder)},
        errors=run.stderr,
        peak_mb=json.loads(run.stdout.splitlines()[-1])["peak_mb"],
        seconds=seconds,
    )


def _tree(folder: Path) -> set[tuple[str, int]]:
    """Every path below a folder but the home's own, and when it was changed; no link is followed."""
    found = set()
    for path, _, files in os.walk(folder):
        for name in ("", *files):
            place = Path(path, name)
            if "home" not in place.relative_to(folder).parts[:1] or "incoming" in place.parts:
                found.add((str(place), place.lstat().st_mtime_ns))
    return found
