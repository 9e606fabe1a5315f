"""Uploads over a slow line are taken, and those that never end are not waited for for ever."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from apps.console.patience import PatientProtocol
from tests.apps.console.api.doubles import FakeService
from tests.apps.console.api.serving import served
from tests.hostile.encoding import png

PICTURE = png(np.arange(40_000, dtype=np.uint8).reshape(200, 200))
PNG = {"content-type": "image/png"}


@pytest.fixture
def asker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Asks a server that waits 0.3 seconds for a request, and 2 for files."""
    monkeypatch.setattr(PatientProtocol, "seconds", 0.3)
    monkeypatch.setattr(PatientProtocol, "upload_seconds", 2.0)
    with served(tmp_path, FakeService()) as client:
        yield client


def dribble(data: bytes, blocks: int) -> Iterator[bytes]:
    """The data in so many blocks, a fifth of a second between them."""
    step = len(data) // blocks + 1
    for start in range(0, len(data), step):
        yield data[start : start + step]
        time.sleep(0.2)


def test_files_may_take_longer_than_forms(asker: httpx.Client) -> None:
    """An upload that takes three times what a form may is answered, and so is the next on the same connection."""
    for _ in range(2):
        assert asker.post("/v1/predict", content=dribble(PICTURE, 5), headers=PNG).status_code == 200


def test_files_that_never_end_are_cut_off(asker: httpx.Client) -> None:
    """A block now and then keeps no connection."""
    begun = time.monotonic()
    with pytest.raises(httpx.TransportError):
        asker.post("/v1/predict", content=dribble(PICTURE, 60), headers=PNG)
    assert 1.5 < time.monotonic() - begun < 8
