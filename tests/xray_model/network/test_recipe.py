"""What the options leave open is the backbone's to say, and what they say is done."""

from typing import Any

import pytest

from xray_model.config import TrainingOptions
from xray_model.errors import ConfigurationError
from xray_model.network.backbones import Weights
from xray_model.network.recipe import choose_recipe


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({"backbone": "basic_cnn"}, {"side": 128, "features": "last", "hidden_units": 0, "learning_rate": 2e-3}),
        ({"backbone": "mobilenet_v2"}, {"side": 224, "features": "depths", "hidden_units": 256}),
        (
            {"backbone": "mobilenet_v2", "input_side": 96, "features": "last", "hidden_units": 0},
            {"side": 96, "features": "last", "hidden_units": 0},
        ),
        ({"backbone": "vgg16", "learning_rate": 0.5, "fine_tune_rate": 0.25}, {"learning_rate": 0.5}),
        ({"backbone": "vgg16", "fine_tune_rate": 0.25}, {"fine_tune_rate": 0.25}),
        ({"backbone": "vgg16", "precision": "float32"}, {"precision": "float32"}),
    ],
)
def test_options_come_before_the_backbones_own(asked: dict[str, Any], chosen: dict[str, Any]) -> None:
    """Each choice is the options' where they make it, 0 included, else the backbone's."""
    recipe = choose_recipe(TrainingOptions.model_validate(asked), canonical_side=320)
    assert {name: getattr(recipe, name) for name in chosen} == chosen


def test_choices_that_do_not_go_together_are_refused() -> None:
    """A boundary above some of the features of several depths is an error before anything is built."""
    options = TrainingOptions(backbone="mobilenet_v2", features="depths", fine_tune="block_15_add")
    with pytest.raises(ConfigurationError, match="begin at block_5_add"):
        choose_recipe(options, canonical_side=320)


def test_a_boundary_that_is_none_is_named_as_such() -> None:
    """A slip in its name is told as that, and not as one of features."""
    options = TrainingOptions(backbone="mobilenet_v2", fine_tune="block_5_ad")
    with pytest.raises(ConfigurationError, match="cannot begin at block_5_ad: take one of block_5_add"):
        choose_recipe(options, canonical_side=320)


@pytest.mark.parametrize("rebalancing", ["smote", "adasyn", "mixup_minority", "augment_minority"])
def test_what_is_made_of_features_is_refused_where_the_whole_network_is_tuned(rebalancing: str) -> None:
    """There are no features to make images of: an error before anything is computed."""
    options = TrainingOptions.model_validate(
        {"backbone": "mobilenet_v2", "fine_tune": "all", "rebalancing": rebalancing}
    )
    with pytest.raises(ConfigurationError, match="begin at one of block_5_add"):
        choose_recipe(options, canonical_side=320)


def test_head_is_made_for_the_features() -> None:
    """A head has the hidden units of the recipe and an output for each class."""
    options = TrainingOptions(backbone="mobilenet_v2", alpha=0.35, input_side=32, hidden_units=7)
    recipe = choose_recipe(options, canonical_side=40)
    head = recipe.build_head(recipe.build_parts(Weights("none"), None), ("covid", "normal", "pneumonia"))
    assert head.get_layer("hidden").units == 7
    assert head.output_shape == (None, 3)
