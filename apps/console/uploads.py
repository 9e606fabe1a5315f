"""Image files in the body of a request: bounded in number, bytes and seconds, kept in memory alone, without names.

Starlette's own forms write what is larger than a megabyte to files, and keep the names, which can name a patient.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from apps.console.access.forms import Form, check_secret, refuse_other_sites
from apps.console.access.visiting import SignedIn

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

UPLOAD_PATHS = frozenset({"/v1/predict", "/predict"})
"""Where a body may be as large and as slow as `UploadLimits` says; everywhere else it is a small form."""
FIELD = "image"
"""Name of the field that holds a file; a form may have it several times."""
MULTIPART = "multipart/form-data"
RAW_KINDS = ("image/png", "image/jpeg", "application/dicom", "application/octet-stream")
"""Media types of a body that is one file; what it really is, its first bytes say."""

_LONGEST_FIELD = 1_000
_MOST_FIELDS = 20
_RETRY_SECONDS = 5

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its warnings quote the body


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much is taken; the largest BIMCV radiograph has 39 MB as an uncompressed DICOM file."""

    images: int = 32
    image_bytes: int = 50_000_000
    body_bytes: int = 100_000_000
    seconds: float = 120.0
    bytes_at_once: int = 400_000_000
    """In memory at once, of all requests together."""


LIMITS = UploadLimits()
"""What the guard and the connections let through; an `Intake` may take less."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """What came: the files in their order, and whatever else a form had."""

    images: tuple[bytes, ...]
    form: Form


class Intake:
    """Takes the uploads of one console in, `app.state.intake`, and knows how many bytes of them it holds."""

    def __init__(self, limits: UploadLimits = LIMITS) -> None:
        self.limits = limits
        self.held = 0
        """Bytes of the requests under way."""


@asynccontextmanager
async def read_uploads(request: Request) -> AsyncIterator[Uploads]:
    """The files that a request brings, as `multipart/form-data` or as one raw body, for as long as they are needed.

    Raises:
        HTTPException: 400 it cannot be read or was cut off, 408 it came too slowly, 413 it is too much, 415 it is
            another kind of body, 503 too many others are under way.
    """
    intake: Intake = request.app.state.intake
    reading = _Reading(intake)
    try:
        yield await reading.read_in_time(request)
    finally:
        reading.close()


async def checked_uploads(request: Request, visitor: SignedIn) -> AsyncIterator[Uploads]:
    """The files that a visitor sent with a form of one of our pages.

    Raises:
        HTTPException: 403, the form was forged, which is written to the audit file; and what `read_uploads` raises.
    """
    refuse_other_sites(request, visitor)
    async with read_uploads(request) as uploads:
        check_secret(request, visitor, uploads.form)
        yield uploads


CheckedUploads = Annotated[Uploads, Depends(checked_uploads)]
"""A route with such an argument takes files that were sent from one of our own pages."""


class _Reading:
    """One body on its way in."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._taken = 0

    def close(self) -> None:
        """Give back the room that the body took."""
        self._intake.held -= self._taken
        self._taken = 0

    async def read_in_time(self, request: Request) -> Uploads:
        """The whole body, or a refusal when its time is out."""
        seconds = self._intake.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._read(request)
        except TimeoutError as error:
            raise _refusal(408, f"The files took longer than {seconds:g} seconds to arrive.") from error

    async def _read(self, request: Request) -> Uploads:
        sent = request.headers.get("content-type", "")
        kind, options = parse_options_header(sent)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise _refusal(415, "A packed body is not taken here: send the file as it is.")
        if kind == MULTIPART.encode():
            return await self._read_parts(request, options.get(b"boundary", b""))
        if kind.decode("latin-1") in RAW_KINDS:
            return await self._read_raw(request)
        raise _refusal(415, f"Send files as {MULTIPART} in the field `{FIELD}`, or one file as {', '.join(RAW_KINDS)}.")

    async def _read_raw(self, request: Request) -> Uploads:
        body = bytearray()
        async for block in self._blocks(request):
            body += block
            _check_image(len(body), self._intake.limits)
        return Uploads((bytes(body),), Form({}))

    async def _read_parts(self, request: Request, boundary: bytes) -> Uploads:
        if not boundary:
            raise _refusal(400, f"The content type {MULTIPART} does not say its boundary.")
        parts = _Parts(self._intake.limits)
        try:
            parser = MultipartParser(boundary, parts.callbacks())
            async for block in self._blocks(request):
                parser.write(block)
        except FormParserError as error:
            raise _refusal(400, f"This is no {MULTIPART}.") from error
        if not parts.ended:
            raise _refusal(400, "The form ends before its last boundary.")
        return parts.uploads()

    async def _blocks(self, request: Request) -> AsyncIterator[bytes]:
        limits = self._intake.limits
        try:
            async for block in request.stream():
                self._taken += len(block)
                self._intake.held += len(block)
                if self._taken > limits.body_bytes:
                    raise _refusal(413, f"All files of a request together may have {limits.body_bytes:,} bytes.")
                if self._intake.held > limits.bytes_at_once:
                    raise _refusal(503, "Too many files are on their way in. Try again soon.", _RETRY_SECONDS)
                yield block
        except ClientDisconnect as error:
            raise _refusal(400, "The connection ended before the body did.") from error


class _Parts:
    """What the parser of a form calls: collects files and small fields, and drops every name of a file."""

    def __init__(self, limits: UploadLimits) -> None:
        self.ended = False
        self._limits = limits
        self._images: list[bytes] = []
        self._fields: dict[str, list[str]] = {}
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._name, self._content = "", bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        """By the parser's names for them."""
        return {
            "on_part_begin": self.part_begin,
            "on_header_field": self.header_field,
            "on_header_value": self.header_value,
            "on_header_end": self.header_end,
            "on_headers_finished": self.headers_finished,
            "on_part_data": self.part_data,
            "on_part_end": self.part_end,
            "on_end": self.end,
        }

    def uploads(self) -> Uploads:
        """All that came."""
        return Uploads(tuple(self._images), Form(self._fields))

    def part_begin(self) -> None:
        self._disposition, self._content = b"", bytearray()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise _refusal(400, "A part of the form does not say which field it is.")
        self._name = options[b"name"].decode("utf-8", "replace")
        if self._name == FIELD and len(self._images) == self._limits.images:
            raise _refusal(413, f"A request may bring {self._limits.images} files.")
        if self._name != FIELD and sum(map(len, self._fields.values())) == _MOST_FIELDS:
            raise _refusal(413, f"A form may have {_MOST_FIELDS} fields beside its files.")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]
        if self._name == FIELD:
            _check_image(len(self._content), self._limits)
        elif len(self._content) > _LONGEST_FIELD:
            raise _refusal(413, f"Only the field `{FIELD}` may have more than {_LONGEST_FIELD:,} bytes.")

    def part_end(self) -> None:
        if self._name == FIELD:
            self._images.append(bytes(self._content))
            return
        try:
            self._fields.setdefault(self._name, []).append(self._content.decode())
        except UnicodeDecodeError as error:
            raise _refusal(400, "A field of the form is not UTF-8.") from error

    def end(self) -> None:
        self.ended = True


def _check_image(size: int, limits: UploadLimits) -> None:
    if size > limits.image_bytes:
        raise _refusal(413, f"One file may have {limits.image_bytes:,} bytes.")


def _refusal(status: int, text: str, retry_seconds: int | None = None) -> HTTPException:
    """A refusal that ends the connection: what is left of the body is not read."""
    retry = {} if retry_seconds is None else {"retry-after": str(retry_seconds)}
    return HTTPException(status, text, {"connection": "close", **retry})
