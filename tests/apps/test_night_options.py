"""The command line's words for a night: every option can be set, a wrong one is answered with the right."""

import pytest

from apps.night import night_options
from apps.setting import read_settings, read_waivers
from xray_model.config import DriftPolicy, GatePolicy, TrainingOptions
from xray_model.errors import ConfigurationError


def training(*pairs: str) -> TrainingOptions:
    """The training options of a night with these words after `--set`."""
    options = night_options(
        backbone="mobilenet_v2", weights="none", classes="covid,normal", training=read_settings(pairs).training
    )
    return options.retrain.training


def gate(*pairs: str, waived: tuple[str, ...] = ()) -> GatePolicy:
    """The policy of the gate with these words after `--set` and `--waive`."""
    chosen = {**read_settings(pairs).gate, "waivers": read_waivers(waived)}
    return night_options(backbone="basic_cnn", weights="none", classes="covid,normal", gate=chosen).retrain.gate


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


def test_a_night_of_one_class_is_refused_in_plain_words() -> None:
    """A person reads how many are needed, and nothing of tuples."""
    with pytest.raises(ConfigurationError, match=r"classes: at least 2 are needed, not 1$"):
        night_options(backbone="basic_cnn", weights="none", classes="covid")
    with pytest.raises(ConfigurationError) as refused:
        night_options(backbone="basic_cnn", weights="none", classes="covid,pnuemonia")
    assert "classes.1: " in str(refused.value)
    assert "needed" not in str(refused.value)


def test_any_option_of_the_gate_can_be_set() -> None:
    """By its name after `gate.`, the bounds of the probes after `gate.shortcuts.`; the others keep their defaults."""
    policy = gate("gate.floor=.7", "gate.require_approval=true", "gate.shortcuts.lungs_hidden=.3")
    assert (policy.floor, policy.require_approval, policy.shortcuts.lungs_hidden) == (0.7, True, 0.3)
    assert policy.confidence == GatePolicy().confidence
    assert policy.shortcuts.within_source == GatePolicy().shortcuts.within_source


def test_any_option_of_drift_can_be_set() -> None:
    """By its name after `drift.`; what contradicts itself is refused."""
    chosen = read_settings(["drift.number_hold=2", "drift.watch_nights=4"]).drift
    policy = night_options(backbone="basic_cnn", weights="none", classes="covid,normal", drift=chosen).monitor.policy
    assert policy == DriftPolicy(number_hold=2, watch_nights=4)
    with pytest.raises(ConfigurationError, match="must not fall"):
        night_options(backbone="basic_cnn", weights="none", classes="covid,normal", drift={"number_hold": "0.2"})


def test_a_waiver_has_a_name_and_a_reason() -> None:
    """An equals sign may stand in either; one without a reason, or for what nobody may waive, is refused."""
    policy = gate(waived=("lungs-hidden=phantoms have no surroundings", "subgroup-sex=F=few: n=20"))
    assert policy.waivers == {"lungs-hidden": "phantoms have no surroundings", "subgroup-sex=F": "few: n=20"}
    for words, told in (("lungs-hidden", "names no reason"), ("floor=because", "floor cannot be waived")):
        with pytest.raises(ConfigurationError, match=told):
            gate(waived=(words,))
