"""A small model in service, and images of every kind for it to answer."""

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from storage.objects import Objects
from storage.registry import Registry
from tests.registering import evaluation
from tests.storage.entries import gate, write_ledger
from xray_model.outcomes import Interval, ServedModel

CLASSES = ("covid", "normal")


def served_model(**fields: Any) -> ServedModel:
    """What is told of a model in service, with these fields in place of the usual ones."""
    usual = {
        "version": 7,
        "run_id": "run7",
        "snapshot_id": "snapshot7",
        "model_sha256": "0" * 64,
        "backbone": "basic_cnn",
        "classes": CLASSES,
        "minority": "normal",
        "minority_f1": Interval(value=0.8, low=0.7, high=0.9),
        "test_patients": 40,
        "since": datetime(2026, 5, 1, tzinfo=UTC),
    }
    return ServedModel.model_validate(usual | fields)


def serve_model(objects: Objects, registry: Registry, folder: Path) -> int:
    """Put a small model that was never trained in service; returns its version."""
    from tests.xray_model.network.conftest import small
    from xray_model.network.network import save

    path = folder / "model.keras"
    save(small("basic_cnn").model, path)
    client = registry._client()
    run_id = client.create_run(registry._experiment(client)).info.run_id
    client.log_artifact(run_id, str(path))
    version = registry.register(run_id, evaluation())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    write_ledger(objects, gate(0, version).model_copy(update={"run_id": run_id, "model_sha256": sha256}))
    return version


def picture(seed: int, side: int = 300, level: float = 120.0) -> bytes:
    """A PNG of gray noise with a bright middle."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(level, 40, (side, side))
    pixels[side // 4 : side // 2] += 10 * (seed % 7)
    data = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def hostile_files() -> dict[str, bytes]:
    """Files with an image's name that hold none, by name."""
    whole = picture(0)
    return {
        "bad/empty.png": b"",
        "bad/cut.png": whole[: len(whole) // 2],
        "bad/text.jpg": b"no picture at all",
        "bad/no-dicom.dcm": b"\0" * 128 + b"DICM" + b"\xff" * 40,
    }


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
