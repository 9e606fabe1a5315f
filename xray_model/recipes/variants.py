"""Which ways of training one run of a recipe compares: those that can be trained here, each once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from xray_model.config import FROM_THE_START, CompareOptions, Recipe, Search, TrainingOptions, Variant
from xray_model.errors import ConfigurationError

_HUB = "vit_b16"
"""The transformer whose ImageNet weights are a preset of keras-hub."""
_OF_WEIGHTS = ("weights", "weights_sha256", "alpha", "precision", "fine_tune")
"""What a network that is trained from the start does not take."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One variant as it is trained."""

    name: str
    title: str
    training: TrainingOptions
    search: Search | None


def resolve_variants(recipe: Recipe, options: CompareOptions, *, hub: bool) -> tuple[tuple[Trained, ...], list[str]]:
    """The variants to train, and in sentences what was left out or differs from the recipe.

    Args:
        recipe: the study.
        options: of the run, which go before it.
        hub: whether keras-hub is installed.

    Raises:
        ConfigurationError: the options do not go together, or no variant is left.
    """
    found: list[Trained] = []
    notes = _say_overrides(options)
    for variant in recipe.variants:
        training = _options_of(recipe, variant, options)
        backbone = str(variant.training.get("backbone", recipe.training.get("backbone", training.backbone)))
        if backbone == _HUB and training.backbone != _HUB:
            notes.append(f"{variant.title} was left out: {training.backbone} in its place would be no transformer.")
            continue
        if training.backbone == _HUB and training.weights == "imagenet" and not hub:
            notes.append(
                f"{variant.title} was left out: its ImageNet weights come with keras-hub, which is not installed "
                "(pip install 'xray-pipeline[vit]')."
            )
            continue
        title = variant.title if backbone == training.backbone else f"{training.backbone} in place of {variant.title}"
        one = Trained(variant.name, title, training, _search_of(variant, options))
        twin = next((other for other in found if (other.training, other.search) == (one.training, one.search)), None)
        if twin is not None:
            notes.append(f"{variant.title} comes to the same as {twin.title}, and was trained once.")
        else:
            found.append(one)
    if not found:
        raise ConfigurationError(f"no variant of {recipe.name} can be trained: {' '.join(notes)}")
    return tuple(found), notes


def _say_overrides(options: CompareOptions) -> list[str]:
    if not options.training:
        return []
    # Of a weight file its name alone: where it lies is nobody's business on a page.
    told = (f"{name} {str(value).rpartition('/')[2]}" for name, value in sorted(options.training.items()))
    return [f"Put over what the recipe says, for every variant that takes it: {', '.join(told)}."]


def _options_of(recipe: Recipe, variant: Variant, options: CompareOptions) -> TrainingOptions:
    fields = _merge(_merge(recipe.training, variant.training), options.training)
    if options.backbone is not None and fields.get("backbone", "basic_cnn") not in FROM_THE_START:
        fields["backbone"] = options.backbone
    if fields.get("backbone", "basic_cnn") in FROM_THE_START:
        fields = {name: value for name, value in fields.items() if name not in _OF_WEIGHTS}
    try:
        return TrainingOptions.model_validate(fields)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"{variant.name} of {recipe.name} cannot be trained so: {faults}") from error


def _search_of(variant: Variant, options: CompareOptions) -> Search | None:
    if variant.search is None or options.trials == 0:
        return None
    return variant.search.model_copy(update={} if options.trials is None else {"trials": options.trials})


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` put over `base`, and so on within groups such as `augmentation`."""
    merged = dict(base)
    for name, value in over.items():
        own = merged.get(name)
        merged[name] = _merge(own, value) if isinstance(own, Mapping) and isinstance(value, Mapping) else value
    return merged
