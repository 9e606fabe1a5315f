"""Several devices: each takes its part of a batch, and what is learnt is the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def train_on(devices: int) -> list[dict[str, Any]]:
    """The epochs of a training in a process whose processor counts as two devices."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("on_two_devices.py")), str(devices)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        text=True,
    )
    epochs: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return epochs


def test_two_devices_learn_what_one_does() -> None:
    """Both stages have the same losses and F1 in every epoch on two devices as on one."""
    one, two = train_on(1), train_on(2)
    assert [epoch["stage"] for epoch in two] == ["head"] * 2 + ["fine-tune"] * 2
    for alone, shared in zip(one, two, strict=True):
        for name in ("loss", "validation_loss", "validation_minority_f1"):
            assert shared[name] == pytest.approx(alone[name], abs=2e-3), (alone, shared)
