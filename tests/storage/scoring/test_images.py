"""Images below a user's folder or prefix: each is read or has a reason without its name, and all stays as it is."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.objects import open_objects
from storage.scoring import images
from storage.scoring.images import File, check_place, find_images, read_image
from tests.scoring import write_files
from xray_model.errors import InvalidInput, StoreUnavailable, UnreadableImage


def read_all(place: Path | str) -> dict[str, File]:
    """What is read of each image."""
    found = find_images(str(place)).images
    return dict(zip(found.names, found.read(), strict=True))


def put_socket(path: Path) -> None:
    """A socket at a path, by its name alone: a whole path may be longer than a socket's can be."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def test_what_lies_in_a_folder_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    """Images at any depth, in order; of other files and links there is a count."""
    write_files(tmp_path / "in", {"b/2.png": b"two", "a.JPG": b"one", "c.dcm": b"three", "notes.txt": b"x"})
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    os.mkfifo(tmp_path / "in" / "b" / "pipe.png")
    put_socket(tmp_path / "in" / "socket.png")
    before = sorted(tmp_path.rglob("*"))
    found = find_images(str(tmp_path / "in"))
    assert list(zip(found.images.names, found.images.read(), strict=True)) == [
        ("a.JPG", b"one"),
        ("b/2.png", b"two"),
        ("c.dcm", b"three"),
    ]
    assert found.passed_over == {"document": 1, "link": 1, "named pipe": 1, "socket": 1}
    assert [*found.images.part(1, 1).read()] == [b"two"]
    assert (found.images.part(1, 2).first, len(found.images.part(1, 9))) == (1, 2)
    assert sorted(tmp_path.rglob("*")) == before


def test_another_file_makes_another_digest(tmp_path: Path) -> None:
    """The digest is that of names, sizes and times."""
    write_files(tmp_path, {"a.png": b"one"})
    digests = {find_images(str(tmp_path)).digest, find_images(str(tmp_path)).digest}
    assert len(digests) == 1
    os.utime(tmp_path / "a.png", ns=(1, 1))
    digests.add(find_images(str(tmp_path)).digest)
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    digests.add(find_images(str(tmp_path)).digest)
    assert len(digests) == 3


@pytest.mark.parametrize("became", ["link", "linked folder", "pipe", "nothing", "folder", "too large"])
def test_what_changes_after_the_listing_is_a_reason(
    tmp_path: Path, became: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that became something else is not followed, not waited for, and not named; the others are read."""
    write_files(tmp_path / "in", {"a/Jane.png": b"one", "b.png": b"two"})
    write_files(tmp_path, {"secret/Jane.png": b"secret"})
    found, path = find_images(str(tmp_path / "in")).images, tmp_path / "in" / "a" / "Jane.png"
    path.unlink()
    match became:
        case "link":
            path.symlink_to(tmp_path / "secret" / "Jane.png")
        case "linked folder":
            path.parent.rmdir()
            path.parent.symlink_to(tmp_path / "secret")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "too large":
            monkeypatch.setattr(images, "LARGEST", 100)
            path.write_bytes(b"x" * 101)
    bad, good = found.read()
    assert good == b"two"
    assert isinstance(bad, UnreadableImage)
    assert "Jane" not in str(bad)
    assert str(tmp_path) not in str(bad)


def test_a_file_known_to_be_too_large_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size in the listing is enough, and the next file is read as itself."""
    monkeypatch.setattr(images, "LARGEST", 4)
    write_files(tmp_path, {"a.png": b"12345", "b.png": b"1234"})
    found = read_all(tmp_path)
    assert "larger than" in str(found["a.png"])
    assert found["b.png"] == b"1234"


def test_names_that_are_no_text_are_read(tmp_path: Path) -> None:
    """Old archives leave names in other encodings, and some hold line breaks or backslashes."""
    names = [b"J\xfcrgen.png", b"two\nlines.png", b"back\\slash.png"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(name)
    assert sorted(data for data in read_all(tmp_path).values() if isinstance(data, bytes)) == sorted(names)


def test_names_are_printed_as_they_are(tmp_path: Path) -> None:
    """All that is UTF-8 stays, the listing's own characters too; a byte that is none is spelled."""
    names = [b"J\xfcrgen.png", "Jürgen.png".encode(), "\uf7fc.png".encode(), b"a.png"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(name)
    printed = find_images(str(tmp_path)).images.printable_names()
    assert sorted(printed) == sorted([r"J\xfcrgen.png", "Jürgen.png", "\uf7fc.png", "a.png"])


@pytest.mark.parametrize(("place", "message"), [("nowhere", "no folder"), ("a.png", "single images"), ("", None)])
def test_a_place_is_checked_without_a_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, message: str | None
) -> None:
    """What is no folder is refused in the words of the listing, which is not begun."""
    write_files(tmp_path, {"a.png": b"one"})
    monkeypatch.setattr(images, "objects_under", None)
    if message is None:
        return check_place(str(tmp_path))
    with pytest.raises(InvalidInput, match=message):
        check_place(str(tmp_path / place))
    return None


def test_a_folder_that_vanishes_is_no_fault_of_its_images(tmp_path: Path) -> None:
    """The whole run fails, to be tried again, and no image is called unreadable."""
    write_files(tmp_path / "in", {"a.png": b"one"})
    found = find_images(str(tmp_path / "in")).images
    (tmp_path / "in").rename(tmp_path / "out")
    with pytest.raises((StoreUnavailable, InvalidInput), match="folder"):
        list(found.read())


def test_a_relative_path_is_refused() -> None:
    """A worker has no folder of its user's."""
    with pytest.raises(InvalidInput, match="relative path"):
        find_images("somewhere/images")


@pytest.mark.service
def test_a_prefix_is_read(new_bucket_url: Callable[[], str]) -> None:
    """Images below a prefix alone, and one that was removed meanwhile is a reason without its key."""
    bucket = open_objects(new_bucket_url())
    bucket.put_many([("in/a.png", b"one"), ("in/b/Jane.png", b"two"), ("in/notes.txt", b"x"), ("inner/c.png", b"no")])
    found = find_images(f"{bucket.url}/in")
    assert ([*found.images.names], found.passed_over) == (["a.png", "b/Jane.png"], {"document": 1})
    bucket.delete("in/b/Jane.png")
    good, bad = found.images.read()
    assert good == b"one"
    assert isinstance(bad, UnreadableImage)
    assert "Jane" not in str(bad)


def test_a_file_named_by_itself_is_read_or_has_a_reason(tmp_path: Path) -> None:
    """A link that somebody names is followed; a folder, a pipe and nothing are reasons without the path."""
    write_files(tmp_path, {"Jane.png": b"one"})
    (tmp_path / "link.png").symlink_to(tmp_path / "Jane.png")
    assert read_image(tmp_path / "link.png") == b"one"
    os.mkfifo(tmp_path / "pipe.png")
    put_socket(tmp_path / "socket.png")
    for path in (tmp_path, *(tmp_path / name for name in ("nowhere-Jane.png", "pipe.png", "socket.png"))):
        found = read_image(path)
        assert isinstance(found, UnreadableImage)
        assert str(tmp_path) not in str(found)
