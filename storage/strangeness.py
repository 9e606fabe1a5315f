"""By which images each judged model tells what is unlike all that it was trained on; kept by its MLflow run."""

import logging

from storage.objects import Objects
from storage.references import PREFIX
from storage.shards import array_bytes, load_array
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.evaluation.strangeness import Strangeness

_log = logging.getLogger(__name__)


def save_strangeness(objects: Objects, run_id: str, strangeness: Strangeness) -> None:
    """Keep it; what was kept of the run before stays as it is."""
    objects.create(_key(run_id), array_bytes(strangeness.to_array()))


def load_strangeness(objects: Objects, run_id: str) -> Strangeness | None:
    """What was kept; None, with a warning where it is damaged, if nothing can be said to be strange to this model."""
    key = _key(run_id)
    try:
        return _parse(objects.get(key), key)
    except ObjectNotFound:
        return None
    except InvalidInput as error:
        _log.warning("%s; no image is said to be unlike the training until the model is judged again", error)
        objects.delete(key)
        return None


def _parse(data: bytes, key: str) -> Strangeness:
    array = load_array(data, key)
    if array.ndim != 2 or len(array) < 2:  # noqa: PLR2004  a limit and an image
        raise InvalidInput(f"{key} in the store is damaged: it does not hold known images")
    return Strangeness.from_array(array)


def _key(run_id: str) -> str:
    return f"{PREFIX}{run_id}/strangeness.npy"
