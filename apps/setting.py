"""`--set` and `--waive`: the options of training, gate and drift by name, checked against those that there are."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from xray_model.config import DriftPolicy, GatePolicy, TrainingOptions
from xray_model.errors import ConfigurationError

_OWN_FLAGS = frozenset({"backbone", "weights", "epochs", "seed", "gate.waivers"})
"""Options that have flags of their own."""
_WAIVER = re.compile(r"(subgroup-[^=]+=[^=]+|[^=]+)=(.+)", re.DOTALL)


class Chosen(NamedTuple):
    """Options by name; those within others as they nest."""

    training: dict[str, Any]
    gate: dict[str, Any]
    drift: dict[str, Any]


def read_settings(pairs: Sequence[str]) -> Chosen:
    """Options from words such as `rebalancing=smote`, `augmentation.rotation=3`, `gate.floor=.7` or `drift.seed=3`.

    Raises:
        ConfigurationError: a word is no pair, or there is no such option.
    """
    options = [*_list_names(TrainingOptions), *_list_names(GatePolicy, "gate."), *_list_names(DriftPolicy, "drift.")]
    found = _read(pairs, [name for name in options if name not in _OWN_FLAGS])
    gate, drift = found.pop("gate", {}), found.pop("drift", {})
    return Chosen(found, gate, drift)


def read_training_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Options of `TrainingOptions` by name that all variants of a comparison shall have, from words as above.

    Raises:
        ConfigurationError: a word is no pair, or there is no such option.
    """
    return _read(pairs, [name for name in _list_names(TrainingOptions) if name not in {"backbone", "weights", "seed"}])


def read_drift_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Options of `DriftPolicy` by name, from words such as `drift.number_hold=2`.

    Raises:
        ConfigurationError: a word is no pair, or there is no such option.
    """
    found: dict[str, Any] = _read(pairs, [*_list_names(DriftPolicy, "drift.")]).get("drift", {})
    return found


def _read(pairs: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in names:
            raise ConfigurationError(f"--set {pair} is no NAME=VALUE of an option: take one of {', '.join(names)}")
        *groups, last = name.split(".")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    return found


def read_waivers(pairs: Sequence[str]) -> dict[str, str]:
    """Reasons by the check that they waive, from words such as `lungs-hidden=WHY` or `subgroup-sex=F=WHY`.

    Raises:
        ConfigurationError: a word is no pair.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        match = _WAIVER.fullmatch(pair)
        if match is None:
            raise ConfigurationError(f"--waive {pair} names no reason: write the check, an equals sign and why")
        found[match[1]] = match[2]
    return found


def _list_names(options: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in options.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _list_names(kind, f"{before}{name}.")
        else:
            yield f"{before}{name}"
