"""What a key may look like, how names on a disk become keys, and how a key is shown to people.

A key is clean Unicode text, always: it goes into Parquet, JSON and S3 as it is. A file name is bytes, and old
archives leave names on a disk that are not UTF-8. Each such byte is listed as one character of the private range
U+F780-U+F7FF (byte + U+F700), so that the key finds the very same file again and nothing downstream meets half a
character. Names that really hold characters of that range have their bytes listed the same way, which keeps the
mapping one to one.
"""

import re

from xray_model.errors import InvalidInput

LONGEST_KEY = 1024
"""Bytes of UTF-8, S3's own limit."""

_OFFSET = 0xF700
_PRIVATE = re.compile("[\uf780-\uf7ff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HALF = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair, which no encoding can hold."""


def check_key(key: str) -> str:
    """Return `key` when it is safe in every store.

    Raises:
        InvalidInput: it is empty, absolute, too long, or holds `..`, `.`, an empty part, a backslash, a control
            character or half a surrogate pair.
    """
    problem = _problem(key) or _problem_of_parts(key.split("/"))
    if problem:
        raise InvalidInput(f"a key of the store {problem}: {shown(key)!r}. Rename the file and send it again.")
    return key


def check_text(text: str) -> str:
    """Return `text` when it can be sent at all: a prefix may be unsafe as a key, but not hold half a character.

    Raises:
        InvalidInput: it holds half a surrogate pair.
    """
    if not is_text(text):
        raise InvalidInput(f"a prefix of the store holds half a character: {shown(text)!r}.")
    return text


def is_text(name: str) -> bool:
    """Whether a name can be sent and kept as text: a path that is not UTF-8 reaches Python with half characters."""
    return _HALF.search(name) is None


def _problem(key: str) -> str | None:
    """Whatever is wrong with the characters of `key`, as the end of a sentence."""
    if not key:
        return "is empty"
    if "\\" in key:
        return "holds a backslash"
    if _CONTROL.search(key) or not is_text(key):
        return "holds a control character or half a character"
    if len(key.encode()) > LONGEST_KEY:
        return f"is longer than {LONGEST_KEY} bytes"
    return None


def _problem_of_parts(parts: list[str]) -> str | None:
    """Whatever is wrong with the parts of a key between `/`, as the end of a sentence."""
    if ".." in parts or "." in parts:
        return "holds '.' or '..' as a part"
    if parts[0] == "":
        return "begins with '/'"
    return "holds an empty part between '/'" if "" in parts else None


def key_from_disk(name: bytes) -> str:
    """The key (or part of one) for a file name as it lies on the disk; `disk_from_key` turns it back."""
    text = name.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text
    return "".join(map(_clean, text))


def disk_from_key(key: str) -> bytes:
    """The file name for a key (or part of one).

    Raises:
        InvalidInput: the key spells bytes of UTF-8 in the private range, so that two keys would name one file.
    """
    if not _PRIVATE.search(key):
        return key.encode()
    name = b"".join(bytes([ord(c) - _OFFSET]) if _PRIVATE.match(c) else c.encode() for c in key)
    if key_from_disk(name) != key:
        raise InvalidInput(f"a key of the store holds characters kept for names that are not UTF-8: {shown(key)!r}.")
    return name


def shown(key: str) -> str:
    """How a key may stand in a message: below `incoming/<source>/<batch>/` a file name can carry a patient's id."""
    parts = key.split("/")
    if parts[0] == "incoming" and len(parts) > 1:
        parts = [*parts[:-1][:3], "…"]
    return "/".join(parts).encode("utf-8", "backslashreplace").decode()[:200]


def _clean(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return chr(ord(character) - 0xDC00 + _OFFSET)
    if _PRIVATE.match(character):
        return "".join(chr(byte + _OFFSET) for byte in character.encode())
    return character
