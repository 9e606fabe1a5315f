"""When a challenger may take the champion's place."""

import re
from typing import Literal

from pydantic import Field, field_validator

from xray_model.config.base import FindingName, Options

_SUBGROUP_CHECK = "subgroup-(sex|age|view|source|manufacturer)=.+"


class ShortcutBounds(Options):
    """What the shortcut probes may find before a challenger is refused."""

    lungs_hidden: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Most of the challenger's skill (minority F1 above that of guessing) that may be left where the "
        "centre of every image is masked.",
    )
    lungs_alone: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How much higher the minority F1 may be with the lungs hidden than with all but the lungs hidden.",
    )
    metadata_alone: float = Field(
        0.05,
        ge=0,
        le=1,
        description="How much the challenger's minority F1 must be above that of a model that sees source, view, sex, "
        "age and manufacturer, and no pixel.",
    )
    source_from_embedding: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Highest product of how well the source is told from the embedding within a class (0 as chance "
        "would, 1 always) and Cramer's V of class and source.",
    )
    within_source: float = Field(
        0.25, ge=0, le=1, description="How far minority F1 within a source may lie below that over all sources."
    )
    left_out_source: float = Field(
        1.0,
        ge=0,
        le=1,
        description="How far the minority F1 of a linear probe may fall on images of a source it has not learned from. "
        "At 1 it is told and refuses nothing: between public sets, of children and of adults, it falls by .8 and more.",
    )
    class_by_source: float = Field(
        0.9, ge=0, le=1, description="Highest Cramer's V of class and source among the training images."
    )
    class_by_age: float = Field(
        0.9, ge=0, le=1, description="Highest Cramer's V of class and age group among the training images."
    )


class GatePolicy(Options):
    """When a challenger may take the champion's place. All conditions must hold, or be waived by name."""

    minority: FindingName | None = Field(
        None, description="The class that decides; empty for the one with the fewest training images."
    )
    floor: float = Field(0.6, ge=0, le=1, description="Minority-class F1 that any champion must reach.")
    recall_floor: float = Field(0.5, ge=0, le=1, description="Recall of each class that any champion must reach.")
    skill_confidence: float = Field(
        0.95,
        ge=0,
        lt=1,
        description="Needed P(minority F1 > that of calling every image the class), which is the best guess. At 0 "
        "nothing is asked: for trials.",
    )
    margin: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How much worse than the champion still counts as no worse (F1). At 0 a tie is not better.",
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="Needed P(challenger >= champion - margin): Student's t with the standard error of a paired "
        "bootstrap over patients.",
    )
    recall_allowance: float = Field(
        0.05, ge=0, le=1, description="How far any class's recall may fall from that of the champion of the day."
    )
    subgroup_allowance: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How far minority F1, or any class's recall, may fall in a subgroup of patients. A fall counts "
        "where it is larger with a probability of 80 %, since chance makes one in some of many small subgroups.",
    )
    subgroup_patients: int = Field(
        20, ge=1, description="Test patients of a class in a subgroup below which nothing is said of it there."
    )
    calibration_error: float = Field(
        0.15, ge=0, le=1, description="Highest expected calibration error, less what chance makes of so many images."
    )
    minimum_patients: int = Field(
        10, ge=1, description="Test patients of the minority class below which there is not enough evidence."
    )
    shortcuts: ShortcutBounds = ShortcutBounds()
    incompatible_champion: Literal["refuse", "as_first"] = Field(
        "refuse",
        description="Where the champion cannot be compared (other classes, or a model that cannot be scored): refuse, "
        "or judge as if there were none, by floors, skill, calibration and probes.",
    )
    waivers: dict[str, str] = Field(
        {},
        description="Checks that may fail, by name, each with the reason, which is kept: a shortcut probe such as "
        "lungs-hidden, calibration, or a subgroup such as subgroup-sex=F.",
    )
    require_approval: bool = Field(
        False, description="A challenger that passes waits until a steward approves it (console, xray models approve)."
    )
    draws: int = Field(2000, ge=100, le=100_000, description="Bootstrap draws.")
    seed: int = Field(20, ge=0)

    @field_validator("waivers")
    @classmethod
    def _check_waivers(cls, waivers: dict[str, str]) -> dict[str, str]:
        """A misspelt waiver would waive nothing, and evidence, floors, skill and comparison are what a gate is."""
        known = ["calibration", *(name.replace("_", "-") for name in ShortcutBounds.model_fields)]
        for name, reason in waivers.items():
            if name not in known and not re.fullmatch(_SUBGROUP_CHECK, name):
                raise ValueError(
                    f"{name} cannot be waived; what can is {', '.join(known)}, and a subgroup such as subgroup-sex=F"
                )
            if not reason.strip():
                raise ValueError(f"the waiver of {name} has no reason: say why, it is kept with the decision")
        return waivers
