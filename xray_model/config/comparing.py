"""Comparing ways of training by cross-validation: recipes, which are data, and what one run of them does."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from xray_model.config.base import FindingName, Options
from xray_model.config.training import BackboneName, SnapshotOptions, TrainingOptions

_NAME = r"^[a-z0-9][a-z0-9-]{0,47}$"


class SearchRange(Options):
    """Where one option of the training is searched."""

    option: str = Field(description="Field of TrainingOptions, such as dropout or augmentation.rotation.")
    low: float | None = None
    high: float | None = None
    log: bool = Field(False, description="Search a number by its logarithm.")
    whole: bool = Field(False, description="Whole numbers alone.")
    choices: tuple[str | float | int | bool, ...] = Field((), description="Instead of low and high.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.choices) == (self.low is not None or self.high is not None):
            raise ValueError(f"{self.option}: name choices, or low and high")
        if not self.choices and (self.low is None or self.high is None or self.low >= self.high):
            raise ValueError(f"{self.option}: low must be below high")
        if self.log and self.low is not None and (round(self.low) if self.whole else self.low) <= 0:
            raise ValueError(f"{self.option}: low must be above 0 to be searched by its logarithm")
        return self


class Search(Options):
    """A hyper-parameter search inside each fold, on its training and validation patients alone."""

    trials: int = Field(20, ge=1, le=10_000, description="Trials of each fold.")
    ranges: tuple[SearchRange, ...] = Field(min_length=1)


class Variant(Options):
    """One way of training."""

    name: str = Field(pattern=_NAME)
    title: str = Field(description="In words.")
    training: dict[str, Any] = Field({}, description="Fields of TrainingOptions that differ from the recipe's.")
    search: Search | None = None


class Recipe(Options):
    """A study: the same folds of the same patients for each of its variants."""

    name: str = Field(pattern=_NAME)
    title: str
    study: str = Field(description="What the notebooks did, and what differs here.")
    classes: tuple[FindingName, ...] = Field(min_length=2)
    sources: tuple[str, ...] = Field((), description="Only images of these sources; empty for all.")
    minority: FindingName | None = Field(None, description="The class that decides; empty for the smallest.")
    proportions: dict[FindingName, Annotated[float, Field(gt=0)]] = Field(
        {}, description="Training images by class, such as 1 normal for 8 covid; empty for all there are."
    )
    training: dict[str, Any] = Field({}, description="Fields of TrainingOptions that all variants share.")
    variants: tuple[Variant, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [variant.name for variant in self.variants]
        if len(set(names)) != len(names):
            raise ValueError(f"two variants of {self.name} have one name")
        others = sorted({*self.proportions, *filter(None, [self.minority])}.difference(self.snapshot.classes))
        if others:
            raise ValueError(f"{', '.join(others)} is none of the classes of {self.name}")
        for variant in self.variants:
            self.options_of(variant)
        return self

    @property
    def snapshot(self) -> SnapshotOptions:
        """What a snapshot of its images is made by."""
        return SnapshotOptions(classes=self.classes, sources=self.sources)

    def options_of(self, variant: Variant) -> TrainingOptions:
        """The options that a variant is trained with."""
        return TrainingOptions.model_validate({**self.training, **variant.training})


class CompareOptions(Options):
    """One comparison."""

    recipe: str = Field(description="Name of a recipe that comes with the package, or path of a .toml file.")
    folds: int = Field(5, ge=2, le=20, description="Parts of the patients; each is the test of one training.")
    seeds: int = Field(1, ge=1, le=20, description="Trainings of each fold, from different random numbers.")
    seed: int = Field(20, ge=0, description="First of them; it also draws the folds.")
    backbone: BackboneName | None = Field(
        None,
        description="In place of every pretrained network of the recipe, where there are weights for this one alone; "
        "variants that come to the same are trained once.",
    )
    training: dict[str, Any] = Field(
        {}, description="Fields of TrainingOptions that are put over those of all variants."
    )
    trials: int | None = Field(None, ge=0, description="Instead of the recipe's; 0 searches nothing.")
    images: int | None = Field(None, ge=20, description="Images at most, drawn by patient; empty for all.")
    dask: str | None = Field(
        None, description="Dask scheduler that takes the trainings, or `local`; empty for XRAY_DASK."
    )
