"""What trainings came to, by MLflow run: kept before a decision is recorded, so that its card can be written later."""

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
    try:
        return RetrainOutcome.model_validate_json(objects.get(_key(run_id)))
    except ValidationError as error:
        raise InvalidInput(f"{_key(run_id)} in the store is no training as this pipeline keeps them") from error


def _key(run_id: str) -> str:
    return f"retrainings/{run_id}.json"
