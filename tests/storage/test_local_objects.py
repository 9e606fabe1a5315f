"""What only a store in a directory must withstand: links, odd names, crashes and many processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.objects import Objects, open_objects
from storage.objects.local import LocalObjects
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound, StoreUnavailable

REPOSITORY = Path(__file__).parents[2]
OLD = 2 * 24 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Objects:
    """An empty store in `tmp_path / "store"`."""
    return open_objects((tmp_path / "store").as_uri())


def run_python(code: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start `code` in a process of its own, its input and output piped."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_links_are_never_followed(store: Objects, tmp_path: Path) -> None:
    """A link to a file or folder, outside or inside, is neither listed, read, written through nor deleted through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    root = tmp_path / "store"
    store.put("a/b", b"inside")
    (root / "link").symlink_to(outside)
    (root / "inner").symlink_to(root / "a")
    (root / "a" / "file").symlink_to(outside / "secret")
    assert [info.key for info in store.list()] == ["a/b"]
    assert list(store.list("link/")) == list(store.list("inner/")) == []
    assert list(store.list_folders()) == ["a/"]
    assert list(store.list_folders("link/")) == []
    for key in ("link/secret", "inner/b", "a/file"):
        for read in (store.get, store.head, store.exists, lambda key: store.get_range(key, 0, 1)):
            with pytest.raises(InvalidInput):
                read(key)
    for key in ("link/new", "inner/new"):
        for write in (lambda key: store.put(key, b"x"), lambda key: store.create(key, b"x"), store.delete):
            with pytest.raises(InvalidInput):
                write(key)
    store.put("a/file", b"new")
    assert store.get("a/file") == b"new"
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"secret": b"secret"}


def test_prefixes_lead_nowhere_else(store: Objects, tmp_path: Path) -> None:
    """A prefix is text and no path: one with `..` or an absolute one lists nothing."""
    (tmp_path / "beside").write_bytes(b"")
    store.put("a/b", b"")
    for prefix in ("../", "a/../", "/", "a//", "./", f"{tmp_path}/", "a/b/", "\0/"):
        assert list(store.list(prefix)) == []
        assert list(store.list_folders(prefix)) == []


def test_pipes_and_folders_are_no_objects(store: Objects, tmp_path: Path) -> None:
    """A named pipe is not waited on, and an empty folder is not listed."""
    os.mkfifo(tmp_path / "store" / "pipe")
    (tmp_path / "store" / "empty" / "deeper").mkdir(parents=True)
    assert list(store.list()) == []
    assert list(store.list_folders()) == []
    for key in ("pipe", "empty"):
        with pytest.raises(ObjectNotFound):
            store.get(key)


def test_names_that_are_not_utf8_are_objects_like_others(store: Objects, tmp_path: Path) -> None:
    """Any name on the disk is listed as clean text, in order, and found again by it."""
    root = os.fsencode(tmp_path / "store")
    names = [b"caf\xe9.png", "caf\u00e9.png".encode(), b"\xff\xfe", "\uf7e9".encode(), b"z"]
    for name in names:
        with open(os.path.join(root, name), "wb") as file:  # noqa: PTH118, PTH123 - bytes, which Path does not take
            file.write(name)
    os.mkdir(os.path.join(root, b"dir\xe9"))  # noqa: PTH102, PTH118 - as above
    store.put("dir\uf7e9/x", b"in a folder")
    keys = [info.key for info in store.list()]
    assert keys == sorted(keys)
    assert {key.encode() for key in keys} > {b"z"}
    assert sorted(store.get(key) for key in keys) == sorted([*names, b"in a folder"])
    assert list(store.list_folders()) == ["dir\uf7e9/"]
    assert [info.key for info in store.list("dir\uf7e9/")] == ["dir\uf7e9/x"]
    for key in keys:
        store.delete(key)
    assert list(store.list()) == []


def test_keys_that_would_name_one_file_twice_are_refused(store: Objects) -> None:
    """A key that spells the bytes of a character by those kept for broken names is no second name for it."""
    with pytest.raises(InvalidInput):
        store.put("\uf7c3\uf7a9", b"")


def test_a_name_cannot_be_file_and_folder(store: Objects) -> None:
    """What a directory cannot hold is refused and changes nothing."""
    store.put("a/b", b"1")
    store.put("f", b"2")
    for key in ("a", "f/x"):
        with pytest.raises(InvalidInput):
            store.put(key, b"")
        with pytest.raises(InvalidInput):
            store.create(key, b"")
    assert {info.key: info.size for info in store.list()} == {"a/b": 1, "f": 1}


def test_long_names_are_told(store: Objects) -> None:
    """A part of 300 characters can be no file: it is not found, and cannot be written."""
    with pytest.raises(ObjectNotFound):
        store.get("n" * 300)
    with pytest.raises(InvalidInput):
        store.put("n" * 300, b"")


def test_the_temporary_folder_is_not_part_of_the_store(store: Objects, tmp_path: Path) -> None:
    """Temporary files are never listed, and no key leads to them."""
    (tmp_path / "store" / ".xray-tmp" / "half").write_bytes(b"half an obj")
    assert list(store.list()) == []
    assert list(store.list_folders()) == []
    with pytest.raises(InvalidInput):
        store.get(".xray-tmp/half")
    store.put("a/.xray-tmp", b"")
    assert [info.key for info in store.list()] == ["a/.xray-tmp"]


def test_leftovers_of_a_crash_go_after_a_day(store: Objects, tmp_path: Path) -> None:
    """Opening the store removes old temporary files and leaves those of writers at work."""
    for name, age in (("old", OLD), ("new", 0)):
        path = tmp_path / "store" / ".xray-tmp" / name
        path.write_bytes(b"")
        os.utime(path, (time.time() - age,) * 2)
    open_objects(store.url)
    assert [path.name for path in (tmp_path / "store" / ".xray-tmp").iterdir()] == ["new"]


def test_a_killed_writer_leaves_no_half_object(store: Objects) -> None:
    """Whenever a process is killed while it writes, every object is one it wrote whole."""
    code = (
        "import sys; from storage.objects import open_objects; store = open_objects(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "for number in range(10**6): store.put(f'a/{number % 7}', bytes([number % 256]) * 300_000)"
    )
    for delay in (0.005, 0.02, 0.05, 0.11):
        writer = run_python(code, store.url)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        for info in store.list():
            content = store.get(info.key)
            assert len(content) == info.size == 300_000
            assert len(set(content)) == 1


def test_create_has_one_winner_of_twenty_processes(store: Objects) -> None:
    """Of twenty processes let loose at once, one makes each of ten objects, in folders that are new as well."""
    code = (
        "import sys; from storage.objects import open_objects; store = open_objects(sys.argv[1])\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        "print([number for number in range(10) if store.create(f'{number}/x/claim', sys.argv[2].encode())])"
    )
    racers = [run_python(code, store.url, str(number)) for number in range(20)]
    for racer in racers:
        assert racer.stdout is not None
        racer.stdout.readline()
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
        racer.stdin = None
    won = [eval(racer.communicate()[0]) for racer in racers]  # noqa: S307 - our own list of numbers
    assert sorted(number for numbers in won for number in numbers) == list(range(10))
    for number in range(10):
        assert number in won[int(store.get(f"{number}/x/claim"))]


def test_writers_and_deleters_in_one_folder_do_not_meet(store: Objects) -> None:
    """Objects written while others empty the same folder are all there afterwards."""
    code = (
        "import sys; from storage.objects import open_objects; store = open_objects(sys.argv[1])\n"
        "for _ in range(300): store.put(f'd/e/{sys.argv[2]}', b'x'); store.delete(f'd/e/{sys.argv[2]}')\n"
        "store.put(f'd/e/{sys.argv[2]}', b'x')"
    )
    workers = [run_python(code, store.url, str(number)) for number in range(3)]
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    assert [info.key for info in store.list()] == ["d/e/0", "d/e/1", "d/e/2"]


def test_a_file_system_without_links_is_found_out(store: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hard links are not possible, create says what to do and the probe says no."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with pytest.raises(ConfigurationError, match="hard links"):
        store.create("a", b"")
    assert not store.probe_create_only()
    assert list(store.list()) == []


def test_a_vanished_disk_is_told_without_paths(store: Objects, tmp_path: Path) -> None:
    """When the directory goes away, writing fails with what to check, and makes no new store in its place."""
    (tmp_path / "store").rename(tmp_path / "gone")
    with pytest.raises(StoreUnavailable, match="mounted") as caught:
        store.put("incoming/a/b/sub-S03044.png", b"")
    assert "sub-S03044" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_a_relative_or_linked_root_is_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root itself may be a link, and a space in it survives the URL."""
    (tmp_path / "real place").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real place")
    monkeypatch.chdir(tmp_path)
    store = LocalObjects(Path("link"))
    store.put("a", b"1")
    assert open_objects(store.url).get("a") == b"1"
    assert (tmp_path / "real place" / "a").read_bytes() == b"1"
