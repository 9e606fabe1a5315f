"""What a model says of an image, and which model said it."""

from datetime import datetime

from xray_model.outcomes.base import Interval, Outcome


class ServedModel(Outcome):
    """A model that answers, as every answer names it."""

    version: int
    run_id: str
    """MLflow run that keeps it."""
    snapshot_id: str
    """What it was trained on."""
    model_sha256: str
    """Hash of its `.keras` file."""
    backbone: str
    classes: tuple[str, ...]
    """In the order of its outputs."""
    minority: str
    minority_f1: Interval
    """Of the minority class, on the test patients it was judged by."""
    test_patients: int
    since: datetime
    """When it came into service, or was judged where it never did."""


class ImageWarning(Outcome):
    """Why an answer to an image deserves less trust than others."""

    code: str
    """That of the rule which refuses such an image at ingest, or `unlike-training`."""
    text: str
    """A sentence for people."""


class Prediction(Outcome):
    """A model's answer to one image. Research tool, not for diagnostic use."""

    image_id: str
    """sha256 of the file's bytes, in hex."""
    label: str
    """The class decided on, by the model's stored decision weights."""
    probabilities: dict[str, float]
    """By class, calibrated as the model is; they add up to 1."""
    warnings: tuple[ImageWarning, ...] = ()
    version: int
    """Of the model that answered."""
    snapshot_id: str
    """What that model was trained on."""
