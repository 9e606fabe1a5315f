"""Options: what a run does, refused where it contradicts itself."""

import pytest
from pydantic import ValidationError

from xray_model.config import GatePolicy, NightlyOptions, RetrainOptions, SnapshotOptions


def test_one_set_of_classes_has_one_order() -> None:
    """However they are named, the same classes make the same training."""
    assert SnapshotOptions(classes=("normal", "covid")) == SnapshotOptions(classes=("covid", "normal"))


def test_class_named_twice_is_refused() -> None:
    """A class cannot be told apart from itself."""
    with pytest.raises(ValidationError, match="named twice"):
        SnapshotOptions(classes=("covid", "covid"))


def test_gate_decides_on_a_class_of_the_snapshot() -> None:
    """A gate on a class nobody trains is refused before the night."""
    with pytest.raises(ValidationError, match="none of the snapshot's classes"):
        RetrainOptions(snapshot=SnapshotOptions(classes=("covid", "normal")), gate=GatePolicy(minority="pneumonia"))


def test_options_survive_the_server() -> None:
    """A flow's single parameter goes through JSON unchanged, and unknown fields are refused."""
    options = NightlyOptions()
    assert NightlyOptions.model_validate_json(options.model_dump_json()) == options
    with pytest.raises(ValidationError):
        NightlyOptions.model_validate({"retrane": {}})
