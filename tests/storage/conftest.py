"""Stores to test against: directories, and buckets of a real S3 server."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TypeAlias

import boto3
import pytest

from storage.archives import ArchiveLimits, BatchFiles
from storage.objects import Objects, open_objects
from tests.servers.swift_server import swift_server

OpenArchive: TypeAlias = Callable[..., BatchFiles]
BUCKET = "xray-tests"
BATCH = "incoming/source/batch/"


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3 server with one bucket, as settings for boto3; its logs are under the session's temporary folder."""
    with swift_server(tmp_path_factory.mktemp("swift")) as settings, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        boto3.session.Session().client("s3").create_bucket(Bucket=BUCKET)
        patch.undo()
        yield settings


@pytest.fixture(scope="module")
def s3_settings(swift: dict[str, str]) -> Iterator[dict[str, str]]:
    """The server's settings, in force for this module and no longer, whatever the user's own are."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**swift, "AWS_CONFIG_FILE": os.devnull}.items():
            patch.setenv(name, value)
        yield swift


@pytest.fixture(scope="module")
def new_bucket_url(s3_settings: dict[str, str], request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes the URL of a store on the server that nothing has been written to."""
    numbers = count()
    return lambda: f"s3://{BUCKET}/{request.module.__name__}/{next(numbers)}"


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
