"""What a bad network, an overloaded server or wrong settings do to the S3 store: nothing, or a clear error."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from storage.archives import BatchFiles
from storage.objects import open_objects
from storage.objects.s3 import S3Objects
from tests.servers.faulty_proxy import Fault, Trouble, faulty_proxy
from tests.storage.packing import pack
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound, StoreUnavailable, XrayError

pytestmark = pytest.mark.service

OpenBehind: TypeAlias = Callable[..., S3Objects]
OVERCOME = [fault for fault in Fault if fault is not Fault.NOT_KNOWN]
PATIENT = "sub-S03044"
CONTENTS = {f"incoming/a/b/{number:02}.png": bytes([number]) * 3000 * (number + 1) for number in range(40)}


@pytest.fixture
def open_behind(
    new_bucket_url: Callable[[], str], s3_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenBehind]:
    """Opens an empty store behind a proxy that makes trouble, with little patience."""
    with ExitStack() as proxies:

        def open_store(trouble: Trouble, attempts: int = 6) -> S3Objects:
            proxy = proxies.enter_context(faulty_proxy(s3_settings["AWS_ENDPOINT_URL_S3"], trouble))
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy)
            bucket, _, root = new_bucket_url().removeprefix("s3://").partition("/")
            return S3Objects(bucket, root, connect_timeout=1.0, read_timeout=0.5, attempts=attempts)

        yield open_store


@pytest.mark.parametrize("fault", OVERCOME, ids=lambda fault: fault.name)
def test_every_fault_is_overcome(open_behind: OpenBehind, fault: Fault, tmp_path: Path) -> None:
    """A fault of one kind on every single request changes no result."""
    store = open_behind(Trouble([fault], at_most=1))
    began = time.monotonic()
    store.put("a/b", b"12345")
    assert store.get("a/b") == b"12345"
    assert store.get_range("a/b", 1, 3) == b"234"
    assert store.create("a/c", b"x")
    assert not store.create("a/c", b"y")
    assert [info.key for info in store.list()] == ["a/b", "a/c"]
    assert list(store.list_folders()) == ["a/"]
    store.get_file("a/b", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"12345"
    store.delete("a/c")
    with pytest.raises(ObjectNotFound):
        store.get("a/c")
    assert time.monotonic() - began < 60


def test_a_share_of_faults_of_all_kinds_changes_nothing(open_behind: OpenBehind) -> None:
    """With every fifth request going wrong, many transfers at a time end as they should."""
    trouble = Trouble(OVERCOME, share=0.2)
    store = open_behind(trouble)
    assert store.put_many(CONTENTS.items()) == len(CONTENTS)
    assert dict(store.get_many(CONTENTS)) == CONTENTS
    assert [info.key for info in store.list()] == sorted(CONTENTS)
    assert sum(trouble.happened.values()) > 10


def test_large_files_survive_faults(open_behind: OpenBehind, tmp_path: Path) -> None:
    """A file sent and fetched in parts comes back byte for byte though parts of it went wrong."""
    store = open_behind(Trouble([Fault.RESET, Fault.TRUNCATED, Fault.SLOW_DOWN], share=0.3, at_most=2))
    content = bytes(range(256)) * (40 * 2**12)
    (tmp_path / "sent").write_bytes(content)
    store.put_file("large", tmp_path / "sent")
    store.get_file("large", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == content


def test_a_lost_answer_does_not_lose_the_claim(open_behind: OpenBehind) -> None:
    """A create whose answer is lost and which is repeated is still won by the one that made the object."""
    store = open_behind(Trouble([Fault.LOST_ANSWER], methods=frozenset({"PUT"}), at_most=1))
    assert store.create("claim", b"mine")
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: store.create("race", b"%d" % number), range(8)))
    assert won.count(True) == 1
    assert store.get("race") == b"%d" % won.index(True)


@pytest.mark.parametrize("trouble", [Trouble([], dropped_header="If-None-Match"), Trouble([Fault.NOT_KNOWN])])
def test_a_server_without_create_only_is_found_out(
    s3_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    """Where the server passes over `If-None-Match`, or refuses it, the probe says so."""
    bucket = f"simulated-{uuid4().hex}"
    simulated = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)  # checks no signature, so the header can go
    simulated.start()
    try:
        host, port = simulated.get_host_and_port()
        with faulty_proxy(f"http://{host}:{port}", trouble) as proxy:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
            boto3.session.Session().client("s3").create_bucket(Bucket=bucket)
            assert open_objects(f"s3://{bucket}").create("a", b"")
            assert not open_objects(f"s3://{bucket}").create("a", b"")
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy)
            assert not open_objects(f"s3://{bucket}").probe_create_only()
    finally:
        simulated.stop()


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.SLOW_DOWN, Fault.RESET])
def test_lasting_trouble_is_told(open_behind: OpenBehind, fault: Fault) -> None:
    """A store that stays unreachable is an error that names the bucket and the batch, but no file and no secret."""
    trouble = Trouble([])
    store = open_behind(trouble, attempts=3)
    key = f"incoming/bimcv/batch7/{PATIENT}/image.png"
    store.put(key, b"12345")
    trouble.faults, trouble.at_most = [fault], 1000
    with pytest.raises(StoreUnavailable) as caught:
        store.get(key)
    message = str(caught.value)
    assert "xray-tests" in message
    assert "incoming/bimcv/batch7/…" in message
    assert PATIENT not in message
    assert "testing" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_one_lost_object_does_not_stop_the_others(open_behind: OpenBehind) -> None:
    """With one object that never arrives whole, reading many gives its error and all others."""
    trouble = Trouble([])
    store = open_behind(trouble, attempts=3)
    store.put_many(CONTENTS.items())
    broken = sorted(CONTENTS)[7]
    trouble.faults, trouble.at_most, trouble.only = [Fault.TRUNCATED], 1000, broken
    found: dict[str, bytes | XrayError] = dict(store.get_many(CONTENTS))
    assert isinstance(found.pop(broken), StoreUnavailable)
    assert found == {key: content for key, content in CONTENTS.items() if key != broken}


def test_wrong_settings_are_told(
    s3_settings: dict[str, str], new_bucket_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong secret, a missing bucket, no server, no credentials and no sense each have an error of their own."""
    url = new_bucket_url()
    with pytest.raises(StoreUnavailable, match="bucket's name"):
        list(open_objects("s3://no-such-bucket").list())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(StoreUnavailable, match="credentials") as caught:
        open_objects(url).get("a")
    assert "not-the-secret" not in str(caught.value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID"):
        open_objects(url).get("a")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "no url")
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL_S3"):
        open_objects(url)


def test_what_senders_leave_is_listed(s3_settings: dict[str, str], new_bucket_url: Callable[[], str]) -> None:
    """Marks of folders are passed over; objects under unsafe keys are listed and refused, and their folders as well."""
    url = new_bucket_url()
    bucket, _, root = url.removeprefix("s3://").partition("/")
    client = boto3.session.Session().client("s3")
    unsafe = ["in//b", "in/a\\b", "in/a\nb"]
    for key in ["", "in/", *unsafe, "in/ok"]:
        client.put_object(Bucket=bucket, Key=f"{root}/{key}", Body=b"x")
    store = open_objects(url)
    assert [info.key for info in store.list()] == sorted([*unsafe, "in/ok"])
    assert "in//" in list(store.list_folders("in/"))
    assert [info.key for info in store.list("in//")] == ["in//b"]
    for key in unsafe:
        with pytest.raises(InvalidInput):
            store.get(key)
    with pytest.raises(InvalidInput):
        list(store.list("\udcff"))


def test_an_archive_under_an_unsafe_key_is_refused_alone(
    s3_settings: dict[str, str], new_bucket_url: Callable[[], str]
) -> None:
    """An archive whose key cannot be taken has that as its reason, and the rest of its batch is read."""
    url = new_bucket_url()
    bucket, _, root = url.removeprefix("s3://").partition("/")
    for name in ("a\\b.zip", "ok.zip"):
        boto3.session.Session().client("s3").put_object(
            Bucket=bucket, Key=f"{root}/in/{name}", Body=pack(".zip", {"a": b"1"})
        )
    store = open_objects(url)
    batch = BatchFiles(store, list(store.list("in/")), "in/")
    assert batch.names == ("a",)
    assert "backslash" in batch.refused["a\\b.zip"]
