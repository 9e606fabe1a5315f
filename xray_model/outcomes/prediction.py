"""What a model says of an image, and which model said it."""

from datetime import datetime

from pydantic import ConfigDict

from xray_model.outcomes.base import Interval, Outcome

NOTICE = "Research tool. Not for diagnostic use."
"""What every answer, page and table says of itself."""


class _Answer(Outcome):
    # Programs read both in the description of the API.
    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_serialization_defaults_required=True)


class ServedModel(_Answer):
    """A model that answers, as every answer names it."""

    version: int
    """In the registry; no two models have one."""
    run_id: str
    """MLflow run that keeps it."""
    snapshot_id: str
    """What it was trained on."""
    model_sha256: str
    """Hash of its `.keras` file."""
    backbone: str
    """Network whose features it reads, such as `mobilenet_v2`."""
    classes: tuple[str, ...]
    """In the order of its outputs."""
    minority: str
    """The class with the fewest images, by which it was judged."""
    minority_f1: Interval
    """Of the minority class, on the test patients it was judged by."""
    test_patients: int
    """How many it was judged by."""
    since: datetime
    """When it came into service, or was judged where it never did."""


class ImageWarning(_Answer):
    """Why an answer to an image deserves less trust than others."""

    code: str
    """That of the rule which refuses such an image at ingest, or `unlike-training`."""
    text: str
    """A sentence for people."""


class Prediction(_Answer):
    """A model's answer to one image. Research tool, not for diagnostic use."""

    image_id: str
    """sha256 of the file's bytes, in hex."""
    label: str
    """The class decided on, by the model's stored decision weights."""
    probabilities: dict[str, float]
    """By class, calibrated as the model is; they add up to 1."""
    warnings: tuple[ImageWarning, ...] = ()
    """Why this answer deserves less trust than others; mostly none."""
    version: int
    """Of the model that answered."""
    snapshot_id: str
    """What that model was trained on."""
