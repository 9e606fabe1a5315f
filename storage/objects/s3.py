"""`s3://`: objects in a bucket, on any server that speaks S3.

Endpoint, region and credentials come from boto3's own settings alone. botocore repeats a request that was refused
(503, SlowDown) or got no answer, with back-off and jitter; what it does not repeat is a body that breaks off or
stalls while it is read, so that is done here.
"""

import mimetypes
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from storage.objects.interface import ObjectInfo
from storage.objects.keys import LONGEST_KEY, check_key, check_text, shown
from storage.objects.local_errors import open_source
from storage.objects.local_errors import told as told_locally
from storage.objects.s3_errors import told
from storage.objects.transfer import one_winner, read_many, write_many
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound, StoreUnavailable, XrayError

_WRITERS = 16
_CONNECTIONS = 64
_PARTS = TransferConfig(multipart_threshold=2**24, multipart_chunksize=2**24, max_concurrency=8)
_LONGEST_WAIT = 10.0
_BROKEN_BODY = (BotoCoreError, HTTPError, OSError)
_LOST = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}


class S3Objects:
    """The objects below one prefix of one bucket; an `Objects`."""

    readers = 16

    def __init__(
        self,
        bucket: str,
        root: str = "",
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        attempts: int = 6,
    ) -> None:
        """Open the store without asking the server anything.

        Args:
            bucket: its name.
            root: prefix of all keys, without `/` at either end.
            connect_timeout: seconds for a connection to be made.
            read_timeout: seconds of silence after which a request is given up and repeated.
            attempts: times a request is made in all.
        """
        self._bucket, self._root, self._attempts = bucket, f"{root}/" if root else "", attempts
        with told(bucket, "opening it"):
            self._client = _client(connect_timeout, read_timeout, attempts)

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{quote(self._root)}".rstrip("/")

    def list(self, prefix: str = "", start_after: str | None = None) -> Iterator[ObjectInfo]:
        """See `Objects.list`: the empty objects ending in `/` by which some tools mark a folder are passed over."""
        arguments = {"StartAfter": self._root + start_after} if start_after else {}
        for page in self._pages(prefix, **arguments):
            for item in page.get("Contents", ()):
                key = item["Key"].removeprefix(self._root)
                if key and not key.endswith("/"):
                    yield ObjectInfo(key, item["Size"], item["ETag"].strip('"'), item["LastModified"].astimezone(UTC))

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        """See `Objects.list_folders`."""
        for page in self._pages(prefix, Delimiter="/"):
            for folder in page.get("CommonPrefixes", ()):
                yield folder["Prefix"].removeprefix(self._root)

    def head(self, key: str) -> ObjectInfo:
        """See `Objects.head`."""
        place = self._place(key)
        with told(self._bucket, "asking for", key):
            found = self._client.head_object(**place)
        return ObjectInfo(key, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"].astimezone(UTC))

    def exists(self, key: str) -> bool:
        """See `Objects.exists`."""
        try:
            self.head(key)
        except ObjectNotFound:
            return False
        return True

    def get(self, key: str) -> bytes:
        """See `Objects.get`."""
        with told(self._bucket, "reading", key):
            return self._read(key)[0]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `Objects.get_range`."""
        if start < 0 or length < 0:
            raise InvalidInput(f"bytes {start} + {length} of an object were asked for; neither may be negative.")
        if not length:
            self.head(key)
            return b""
        try:
            with told(self._bucket, "reading", key, let_pass={HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}):
                data, whole = self._read(key, Range=f"bytes={start}-{start + length - 1}")
        except ClientError:
            return b""
        return data[start : start + length] if whole else data

    def get_file(self, key: str, path: Path) -> None:
        """See `Objects.get_file`: large objects in several parts at a time."""
        place = self._place(key)
        with told_locally("writing a file read from the store"), told(self._bucket, "reading", key):
            self._client.download_file(**place, Filename=str(path), Config=_PARTS)

    def put(self, key: str, data: bytes) -> None:
        """See `Objects.put`."""
        place = self._place(key)
        with told(self._bucket, "writing", key):
            self._client.put_object(**place, Body=data, ContentType=_content_type(key))

    def put_file(self, key: str, path: Path) -> None:
        """See `Objects.put_file`."""
        place = self._place(key)
        with open_source(path) as source, told(self._bucket, "writing", key):
            self._client.upload_fileobj(source, **place, Config=_PARTS)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """See `Objects.create`: a put with `If-None-Match: *`, marked so that a repeated request knows its own.

        When the answer to a put is lost, its repetition is told that the object is there: the mark says whose it is.
        AWS answers 409 while another put or delete is under way, so that only a look tells whether there is one.
        """
        place, mark = self._place(key), uuid4().hex
        for attempt in range(self._attempts):
            _wait(attempt)
            try:
                with told(self._bucket, "creating", key, let_pass=_LOST):
                    self._client.put_object(
                        **place,
                        Body=bytes(data),
                        ContentType=_content_type(key),
                        IfNoneMatch="*",
                        Metadata={"created-by": mark},
                    )
            except ClientError:
                try:
                    with told(self._bucket, "asking for", key):
                        return bool(self._client.head_object(**place)["Metadata"].get("created-by") == mark)
                except ObjectNotFound:
                    continue
            return True
        raise StoreUnavailable(
            f"bucket {self._bucket!r}: creating {shown(key)} was refused {self._attempts} times as being there, and it "
            "is not there. Check whether something deletes it, then run again."
        )

    def delete(self, key: str) -> None:
        """See `Objects.delete`."""
        place = self._place(key)
        with told(self._bucket, "deleting", key):
            self._client.delete_object(**place)

    def keep_time(self, info: ObjectInfo) -> None:
        """See `Objects.keep_time`: a bucket keeps its own."""

    def get_many(self, keys: Iterable[str], workers: int | None = None) -> Iterator[tuple[str, bytes | XrayError]]:
        """See `Objects.get_many`."""
        return read_many(self.get, keys, workers or self.readers)

    def put_many(self, items: Iterable[tuple[str, bytes]], workers: int | None = None) -> int:
        """See `Objects.put_many`."""
        return write_many(self.put, items, workers or _WRITERS)

    def server_time(self) -> datetime:
        """What the server says of the time, whole seconds in UTC."""
        with told(self._bucket, "asking for the time"):
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._root, MaxKeys=1)
        return parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])

    def probe_create_only(self) -> bool:
        """See `Objects.probe_create_only`."""
        return one_winner(self.create, self.delete)

    def _place(self, key: str) -> dict[str, str]:
        name = self._root + check_key(key)
        if len(name.encode()) > LONGEST_KEY:
            raise InvalidInput(f"with the store's prefix, {shown(key)} is longer than {LONGEST_KEY} bytes. Shorten it.")
        return {"Bucket": self._bucket, "Key": name}

    def _pages(self, prefix: str, **arguments: str) -> Iterator[Any]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._root + check_text(prefix), **arguments
        )
        with told(self._bucket, "listing"):
            yield from pages

    def _read(self, key: str, **arguments: str) -> tuple[bytes, bool]:
        """An object's body, and whether it is the whole object; begun anew when it breaks off or stalls."""
        place = self._place(key)
        for attempt in range(self._attempts):
            _wait(attempt)
            try:
                response = self._client.get_object(**place, **arguments)
            except HTTPError:
                continue  # the text of an error broke off, which botocore does not catch
            with closing(response["Body"]) as body, suppress(*_BROKEN_BODY):
                return body.read(), "ContentRange" not in response
        raise StoreUnavailable(
            f"bucket {self._bucket!r}: reading {shown(key)} broke off {self._attempts} times. Check the network and "
            "the server's log, then run again: nothing that was done is lost."
        )


def _client(connect_timeout: float, read_timeout: float, attempts: int) -> BaseClient:
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=_CONNECTIONS,
        # Servers other than AWS refuse the checksum trailers that newer releases add by themselves.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session().client("s3", config=config)
    except ValueError:
        raise ConfigurationError(
            "boto3 does not take the endpoint or region it was given. Check AWS_ENDPOINT_URL_S3 (http://host:port) and "
            "AWS_DEFAULT_REGION."
        ) from None


def _wait(attempt: int) -> None:
    """Back off before a repetition, longer each time and never in step with others."""
    if attempt:
        time.sleep(random.uniform(0, min(_LONGEST_WAIT, 0.1 * 2**attempt)))  # noqa: S311 - jitter is no secret


def _content_type(key: str) -> str:
    """So that a browser shows a report page that lies in a bucket, and does not save it."""
    return mimetypes.guess_type(key)[0] or "application/octet-stream"
