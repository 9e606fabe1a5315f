"""Stores to test against, of each kind in turn."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from storage.archives import ArchiveLimits, BatchFiles
from storage.objects import Objects, open_objects

OpenArchive: TypeAlias = Callable[..., BatchFiles]
BATCH = "incoming/source/batch/"


@pytest.fixture(scope="module", params=["file", pytest.param("s3", marks=pytest.mark.service)])
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Objects]:
    """Makes an empty store, of each kind in turn."""
    if request.param == "file":
        return lambda: open_objects(tmp_path_factory.mktemp("store").as_uri())
    new_url: Callable[[], str] = request.getfixturevalue("new_bucket_url")
    return lambda: open_objects(new_url())


@pytest.fixture
def objects(new_store: Callable[[], Objects]) -> Objects:
    """An empty store, of each kind in turn."""
    return new_store()


@pytest.fixture
def open_archive(tmp_path: Path) -> OpenArchive:
    """Puts one archive into an empty store and opens it as a batch with the given limits."""

    def put_and_open(name: str, data: bytes, **limits: int) -> BatchFiles:
        objects = open_objects((tmp_path / "store").as_uri())
        objects.put(f"{BATCH}{name}", data)
        return BatchFiles(objects, list(objects.list(f"{BATCH}{name}")), BATCH, limits=ArchiveLimits(**limits))

    return put_and_open
