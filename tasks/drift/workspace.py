"""The history that `evidently ui` shows: a workspace on this machine, made anew from the runs in the store."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid5

from storage.objects import Objects
from tasks.drift.measuring import quiet_evidently
from xray_model.errors import InvalidInput, ObjectNotFound, XrayError
from xray_model.evaluation.drift.columns import COLUMNS
from xray_model.outcomes.drift import DriftSubject

PROJECT = "xray drift"
_PROJECT_ID = UUID("6f5c2b1e-7a0d-5c9e-9b3f-1d7e4a2c8f60")
_RUNS = "reports/drift/"
_RUN = "evidently.json"
_SUBJECTS: dict[DriftSubject, str] = {
    "night": "Nights",
    "batch": "Batches",
    "window": "Windows of days",
    "served": "Predictions in service",
}
_SHOWN = ("mean", "sharpness", "label", "predicted", "uncertainty")
_log = logging.getLogger(__name__)


def update_workspace(objects: Objects, folder: Path) -> int:
    """Add the runs of the store that the workspace in `folder` lacks, and make the workspace where there is none.

    Each run gets the time and the subject that its key names (`reports/drift/<time>-<subject>-<digest>/`). A damaged
    one is left out, with a warning. Two may do this at once: a run is written whole or not at all, always to the same
    file. The dashboard is made once, and is the user's own from then on.

    Returns:
        How many runs were added.
    """
    with quiet_evidently():
        snapshots = _open_project(folder) / "snapshots"
        snapshots.mkdir(exist_ok=True)
        runs = {f"{name}{_RUN}": snapshots / f"{uuid5(_PROJECT_ID, name)}.json" for name in objects.list_folders(_RUNS)}
        missing = [key for key, path in runs.items() if not path.exists()]
        added = 0
        for key, data in objects.get_many(missing):
            if isinstance(data, ObjectNotFound):
                continue  # nothing could be compared, and the report says so itself
            try:
                _write_whole(runs[key], _check_run(key, data))
                added += 1
            except XrayError as error:
                _log.warning("run %s is left out of Evidently's workspace: %s", key, error)
        return added


def _check_run(key: str, data: bytes | XrayError) -> bytes:
    from evidently.core.report import Snapshot

    if isinstance(data, XrayError):
        raise data
    name = key.split("/")[-2]
    time, _, rest = name.partition("-")
    try:
        run = json.loads(data)
        when = datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        # Evidently compares times without a zone.
        run |= {"name": name, "timestamp": when.replace(tzinfo=None).isoformat(), "tags": [rest.partition("-")[0]]}
        checked = Snapshot.load_dict(run)
        checked.dict()  # what the history is drawn from
        return str(checked.dumps()).encode()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"it is no run of Evidently 0.7: {error}") from error


def _write_whole(path: Path, data: bytes) -> None:
    draft = path.with_suffix(f".{token_hex(4)}")
    draft.write_bytes(data)
    draft.replace(path)


def _open_project(folder: Path) -> Path:
    from evidently.sdk.models import ProjectModel
    from evidently.ui.workspace import Workspace

    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(str(folder))
    if workspace.get_project(_PROJECT_ID) is None:
        workspace.add_project(ProjectModel(id=_PROJECT_ID, name=PROJECT, description="New images against known ones."))
        workspace.save_dashboard(_PROJECT_ID, _dashboard())
    return folder / str(_PROJECT_ID)


def _dashboard() -> Any:
    """Panels for each kind of subject, since a line through nights and batches would be one through two things."""
    from evidently.sdk.models import DashboardModel, PanelMetric
    from evidently.sdk.panels import line_plot_panel

    words = {column.name: column.word for column in COLUMNS}
    panels = []
    for subject, heading in _SUBJECTS.items():
        share = PanelMetric(
            metric="DriftedColumnsCount", metric_labels={"value_type": "share"}, legend="share", tags=[subject]
        )
        embedding = PanelMetric(metric="DomainClassifier", legend="ROC AUC", tags=[subject])
        distances = [
            PanelMetric(metric="ValueDrift", metric_labels={"column": words[name]}, legend=words[name], tags=[subject])
            for name in _SHOWN
        ]
        panels += [
            line_plot_panel(f"{heading}: share of the columns that moved", [share], size="half"),
            line_plot_panel(f"{heading}: telling new images from known ones", [embedding], size="half"),
            line_plot_panel(f"{heading}: distances of some columns", distances),
        ]
    return DashboardModel(tabs=[], panels=panels)
