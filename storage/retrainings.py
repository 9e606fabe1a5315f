"""What trainings came to.

By MLflow run, kept before a decision is recorded, so that its card can be written later; and by Prefect's flow run, for
the night that waits for it on another machine.
"""

from pydantic import ValidationError

from storage.objects import Objects, get_all
from xray_model.errors import InvalidInput
from xray_model.outcomes import RetrainOutcome

_PREFIX = "retrainings/"
_HANDED = f"{_PREFIX}flow-runs/"


def save_retraining(objects: Objects, run_id: str, outcome: RetrainOutcome) -> None:
    """Keep a training with its figures; what was kept before stays as it is."""
    objects.create(_key(run_id), outcome.model_dump_json(indent=2).encode())


def load_retraining(objects: Objects, run_id: str) -> RetrainOutcome:
    """What `save_retraining` kept.

    Raises:
        ObjectNotFound: nothing was kept of this run.
        InvalidInput: the object is no such outcome.
    """
    return _load(objects, _key(run_id))


def find_retrainings(objects: Objects, snapshot_id: str) -> tuple[list[RetrainOutcome], int]:
    """The trainings on a snapshot, the oldest first, and how many records of any training cannot be read.

    Raises:
        StoreUnavailable: a record is there and cannot be got.
    """
    infos = [info for info in objects.list(_PREFIX) if not info.key.startswith(_HANDED)]
    keys = [info.key for info in sorted(infos, key=lambda info: (info.modified, info.key))]
    found, unreadable = [], 0
    for key, data in get_all(objects, keys):
        try:
            outcome = _parse(key, data)
        except InvalidInput:  # written by another version of this project
            unreadable += 1
            continue
        if outcome.snapshot and outcome.snapshot.snapshot_id == snapshot_id:
            found.append(outcome)
    return found, unreadable


def hand_over(objects: Objects, flow_run_id: str, outcome: RetrainOutcome) -> None:
    """Leave what a flow run came to for who waits for it."""
    objects.put(_handed_key(flow_run_id), outcome.model_dump_json(indent=2).encode())


def take_over(objects: Objects, flow_run_id: str) -> RetrainOutcome:
    """What a flow run handed over.

    Raises:
        ObjectNotFound: it handed nothing over.
        InvalidInput: the object is no such outcome.
    """
    return _load(objects, _handed_key(flow_run_id))


def _load(objects: Objects, key: str) -> RetrainOutcome:
    return _parse(key, objects.get(key))


def _parse(key: str, data: bytes) -> RetrainOutcome:
    try:
        return RetrainOutcome.model_validate_json(data)
    except ValidationError as error:
        raise InvalidInput(f"{key} in the store is no training as this pipeline keeps them") from error


def _key(run_id: str) -> str:
    return f"{_PREFIX}{run_id}.json"


def _handed_key(flow_run_id: str) -> str:
    return f"{_HANDED}{flow_run_id}.json"
