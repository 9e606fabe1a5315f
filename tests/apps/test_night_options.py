"""The command line's words for a night: every training option can be set, a wrong one is answered with the right."""

import pytest

from apps.night import night_options, read_settings
from xray_model.config import TrainingOptions
from xray_model.errors import ConfigurationError


def training(*pairs: str) -> TrainingOptions:
    """The training options of a night with these words after `--set`."""
    options = night_options(
        backbone="mobilenet_v2", weights="none", classes="covid,normal", training=read_settings(pairs)
    )
    return options.retrain.training


def test_any_training_option_can_be_set() -> None:
    """Words become the option's own type; those not named keep their defaults."""
    chosen = training(
        "rebalancing=smote", "fine_tune=all", "dropout=0.25", "prior_correction=true", "head_batch_size=64"
    )
    assert (chosen.rebalancing, chosen.fine_tune, chosen.dropout) == ("smote", "all", 0.25)
    assert (chosen.prior_correction, chosen.head_batch_size) == (True, 64)
    assert chosen.patience == TrainingOptions().patience


def test_options_of_the_augmentation_are_set_one_by_one() -> None:
    """Two of them stay together, and the others keep their defaults."""
    chosen = training("augmentation.rotation=3", "augmentation.horizontal_flip=true").augmentation
    default = TrainingOptions().augmentation
    assert (chosen.rotation, chosen.horizontal_flip, chosen.zoom) == (3.0, True, default.zoom)


@pytest.mark.parametrize(
    "pair", ["rebalance=smote", "rebalancing", "augmentation=3", "epochs=3", "augmentation.tilt=3"]
)
def test_a_name_there_is_not_is_answered_with_those_there_are(pair: str) -> None:
    """No pair, an unknown name, or one that has a flag of its own."""
    with pytest.raises(ConfigurationError, match=r"take one of .*rebalancing.*augmentation\.rotation"):
        read_settings([pair])


def test_a_value_that_is_not_allowed_is_refused_by_name() -> None:
    """The option is named with what is wrong."""
    with pytest.raises(ConfigurationError, match="dropout"):
        training("dropout=2")
