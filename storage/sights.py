"""What the store knows of the images that a model was trained on."""

from storage.objects import Objects
from storage.references import load_reference
from storage.strangeness import load_strangeness
from xray_model.evaluation.drift.frame import Axes
from xray_model.evaluation.sight import Sight
from xray_model.outcomes import ServedModel


def find_sight(objects: Objects, model: ServedModel) -> Sight:
    """Where a model's answers are put, and which are doubted; without axes before `monitor` first looked.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    reference = load_reference(objects, model.run_id, model.snapshot_id)
    axes = None if reference is None or reference.axes is None else Axes.from_array(reference.axes)
    return Sight(axes, load_strangeness(objects, model.run_id))
