"""What trainings came to.

By MLflow run, kept before a decision is recorded, so that its card can be written later; and by Prefect's flow run, for
the night that waits for it on another machine.
"""

from pydantic import ValidationError

from storage.objects import Objects
from xray_model.errors import InvalidInput
from xray_model.outcomes import RetrainOutcome


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
    try:
        return RetrainOutcome.model_validate_json(objects.get(key))
    except ValidationError as error:
        raise InvalidInput(f"{key} in the store is no training as this pipeline keeps them") from error


def _key(run_id: str) -> str:
    return f"retrainings/{run_id}.json"


def _handed_key(flow_run_id: str) -> str:
    return f"retrainings/flow-runs/{flow_run_id}.json"
