"""Options: what a run does, refused where it contradicts itself."""

from typing import get_args

import pytest
from pydantic import ValidationError

from xray_model.config import (
    GatePolicy,
    NightlyOptions,
    Recipe,
    RetrainOptions,
    SearchRange,
    ShortcutBounds,
    SnapshotOptions,
)
from xray_model.evaluation.subgroups import COLUMNS
from xray_model.outcomes import ProbeName


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"minority": "pneumonia"},
        {"proportions": {"covid": 8, "pneumonia": 1}},
        {"proportions": {"covid": 8, "normal": 0}},
    ],
)
def test_recipe_speaks_of_its_own_classes(wrong: dict[str, object]) -> None:
    """A minority or a proportion of a class nobody trains, and a proportion of nothing, are refused before a study."""
    sound = {"name": "r", "title": "t", "study": "s", "classes": ("covid", "normal")}
    variants = [{"name": "v", "title": "t"}]
    with pytest.raises(ValidationError, match=r"pneumonia is none of the classes|greater than 0"):
        Recipe.model_validate({**sound, "variants": variants, **wrong})


@pytest.mark.parametrize("wrong", [{"low": 0.0, "high": 1.0}, {"low": 0.4, "high": 9.0, "whole": True}])
def test_logarithm_begins_above_zero(wrong: dict[str, object]) -> None:
    """A range that has no logarithm is refused before the first trial."""
    with pytest.raises(ValidationError, match="low must be above 0"):
        SearchRange.model_validate({"option": "dropout", "log": True, **wrong})


def test_options_survive_the_server() -> None:
    """A flow's single parameter goes through JSON unchanged, and unknown fields are refused."""
    options = NightlyOptions()
    assert NightlyOptions.model_validate_json(options.model_dump_json()) == options
    with pytest.raises(ValidationError):
        NightlyOptions.model_validate({"retrane": {}})


@pytest.mark.parametrize(
    "name",
    [
        "floor",
        "floor-covid",
        "skill",
        "evidence",
        "better",
        "finite",
        "comparable",
        "recall-covid",
        "lung-hidden",
        "subgroup-hair=red",
    ],
)
def test_what_no_one_may_waive_is_refused(name: str) -> None:
    """A waiver of evidence, floor or comparison, or of a check that does not exist, is refused before the night."""
    with pytest.raises(ValidationError, match=f"{name} cannot be waived; what can is calibration, lungs-hidden"):
        GatePolicy(waivers={name: "because"})


@pytest.mark.parametrize("name", ["calibration", "subgroup-sex=F", "subgroup-age=0-17", *get_args(ProbeName)])
def test_waiver_needs_a_reason(name: str) -> None:
    """Every probe, the calibration and any subgroup may be waived, with a reason that is kept."""
    assert GatePolicy(waivers={name: "seen by Stella"}).waivers == {name: "seen by Stella"}
    with pytest.raises(ValidationError, match=f"waiver of {name} has no reason"):
        GatePolicy(waivers={name: " "})


def test_every_probe_has_a_bound_and_every_subgroup_a_name_to_waive_it_by() -> None:
    """What the policy can waive is what the probes and subgroups are called."""
    assert [name.replace("_", "-") for name in ShortcutBounds.model_fields] == list(get_args(ProbeName))
    for column in COLUMNS:
        assert GatePolicy(waivers={f"subgroup-{column}=x": "seen"}).waivers
