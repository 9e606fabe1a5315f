"""Uploads: files arrive as they were sent, nothing else is kept of them, and no body takes more than its share."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace

import pytest
from fastapi import HTTPException, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from apps.console.uploads import Intake, UploadLimits, Uploads, read_uploads

BOUNDARY = "a-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
SMALL = UploadLimits(images=2, image_bytes=100, body_bytes=1_000, seconds=0.2, bytes_at_once=1_500)
PARTS = st.lists(st.tuples(st.sampled_from(["image", "csrf"]), st.binary(max_size=60)), max_size=6)


def form(parts: Iterable[tuple[str, bytes]], filename: str = "Ada Lovelace.png") -> bytes:
    """A body as a browser writes it."""
    lines = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in parts
    ]
    return b"".join(lines) + f"--{BOUNDARY}--\r\n".encode()


def request_of(blocks: Sequence[bytes], kind: str, intake: Intake, **headers: str) -> Request:
    """A request whose body comes in these blocks; after the last one the client is silent where it is b"..."."""
    waiting = list(blocks)

    async def receive() -> Message:
        block = waiting.pop(0)
        if block == b"...":
            await asyncio.sleep(60)
        if block == b"gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": block, "more_body": bool(waiting)}

    sent = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    app = SimpleNamespace(state=SimpleNamespace(intake=intake))
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw, "app": app}, receive)


def take(
    blocks: Sequence[bytes], kind: str = MULTIPART, intake: Intake | None = None, **headers: str
) -> tuple[Uploads, Intake]:
    """What `read_uploads` makes of a body, and the intake afterwards."""
    kept = intake or Intake(SMALL)

    async def read() -> Uploads:
        async with read_uploads(request_of(blocks, kind, kept, **headers)) as uploads:
            assert kept.held >= sum(map(len, blocks))
            return uploads

    return asyncio.run(read()), kept


def refusal(
    blocks: Sequence[bytes], kind: str = MULTIPART, intake: Intake | None = None, **headers: str
) -> HTTPException:
    """Why a body is refused; whatever it held is given back."""
    kept = intake or Intake(SMALL)
    before = kept.held
    with pytest.raises(HTTPException) as caught:
        take(blocks, kind, kept, **headers)
    assert kept.held == before
    return caught.value


@given(parts=PARTS, cut=st.integers(1, 80))
def test_files_arrive_as_they_were_sent(parts: list[tuple[str, bytes]], cut: int) -> None:
    """Whatever the bytes are and wherever the network cuts them, each file is what it was, in its order."""
    parts = [(name, content if name == "image" else content.hex().encode()) for name, content in parts]
    body = form(parts)
    blocks = [body[start : start + cut] for start in range(0, len(body), cut)]
    uploads, intake = take(blocks, intake=Intake())
    assert uploads.images == tuple(content for name, content in parts if name == "image")
    assert uploads.form.many("csrf") == tuple(content.decode() for name, content in parts if name == "csrf")
    assert intake.held == 0


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "application/dicom", "Application/Octet-Stream; a=b"])
def test_a_raw_body_is_one_file(kind: str) -> None:
    """Under each of its media types, whatever it holds."""
    assert take([b"abc", b"", b"def"], kind)[0] == take([b"abcdef"], kind)[0]
    assert take([b"abcdef"], kind)[0].images == (b"abcdef",)


def test_no_name_of_a_file_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """It can name a patient: neither what was read nor a log line nor a refusal has it."""
    caplog.set_level(logging.DEBUG)
    uploads, _ = take([form([("image", b"x"), ("csrf", b"y")])])
    told = [repr(uploads), refusal([form([("image", b"x" * 101)])]).detail]
    told.append(refusal([form([("image", b"x")]).replace(b"name=", b"nome=")]).detail)
    assert [text for text in (*told, caplog.text) if "Lovelace" in text] == []


@pytest.mark.parametrize(
    ("blocks", "kind", "status", "words"),
    [
        ([b"x" * 101], "image/png", 413, "One file"),
        ([form([("image", b"x" * 101)])], MULTIPART, 413, "One file"),
        ([form([("image", b"x")] * 3)], MULTIPART, 413, "2 files"),
        ([form([("csrf", b"x" * 1_001)])], MULTIPART, 413, "Only the field"),
        ([form([("note", b"x")] * 21)], MULTIPART, 413, "20 fields"),
        ([form([("csrf", b"\xff")])], MULTIPART, 400, "UTF-8"),
        ([form([("image", b"x")])[:-8]], MULTIPART, 400, "last boundary"),
        ([b""], MULTIPART, 400, "last boundary"),
        ([b"no form at all"], MULTIPART, 400, "This is no"),
        ([form([("image", b"x")]).replace(b"form-data", b"attachment")], MULTIPART, 400, "which field"),
        ([form([])], "multipart/form-data", 400, "boundary"),
        ([form([])], f"multipart/form-data; boundary={'x' * 500}", 400, "This is no"),
        ([b"image=x"], "application/x-www-form-urlencoded", 415, "multipart/form-data"),
        ([b"x"], "", 415, "application/dicom"),
        ([b"x", b"gone"], "image/png", 400, "connection ended"),
        ([b"x", b"..."], "image/png", 408, "0.2 seconds"),
    ],
)
def test_what_is_too_much_or_no_file_is_refused(blocks: list[bytes], kind: str, status: int, words: str) -> None:
    """Each with a status and a reason, and the connection ends, for the rest of the body is not read."""
    refused = refusal(blocks, kind, Intake(UploadLimits(2, 100, 10_000, 0.2, 20_000)))
    assert (refused.status_code, words in refused.detail) == (status, True), refused.detail
    assert refused.headers is not None
    assert refused.headers["connection"] == "close"


def test_packed_bodies_are_refused() -> None:
    """Nothing is unpacked that could be far larger than what was sent."""
    assert refusal([b"x"], "image/png", content_encoding="gzip").status_code == 415


def test_a_body_that_never_ends_is_refused() -> None:
    """One that did not say its length is cut off where it becomes too long."""
    assert refusal([form([("image", b"x" * 90)] * 2), *[b"junk" * 20] * 20]).status_code == 413


def test_all_requests_together_are_bounded() -> None:
    """While others hold the room a further one is told to come again, and afterwards it is taken."""
    intake = Intake(UploadLimits(bytes_at_once=250))

    def upload() -> AbstractAsyncContextManager[Uploads]:
        return read_uploads(request_of([b"x" * 100], "image/png", intake))

    async def crowd() -> HTTPException:
        async with upload(), upload():
            with pytest.raises(HTTPException) as caught:
                await upload().__aenter__()
        async with upload(), upload():
            return caught.value

    refused = asyncio.run(crowd())
    assert refused.status_code == 503
    assert refused.headers is not None
    assert refused.headers["retry-after"] == "5"
    assert intake.held == 0
