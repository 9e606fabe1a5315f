"""Keys, names on a disk, and what of them is shown."""

from hypothesis import assume, given
from hypothesis import strategies as st

from storage.objects.keys import disk_from_key, key_from_disk, shown
from xray_model.errors import InvalidInput


@given(st.one_of(st.binary(max_size=30), st.text(max_size=10).map(lambda text: text.encode("utf-8", "ignore"))))
def test_every_name_on_a_disk_has_one_clean_key(name: bytes) -> None:
    """Any bytes become text that can be encoded, and the text becomes the same bytes."""
    key = key_from_disk(name)
    assert disk_from_key(key) == name
    key.encode()


@given(st.text(st.characters(codec="utf-8"), max_size=10))
def test_every_key_names_one_file(key: str) -> None:
    """A key is either the one name of its file, or refused."""
    try:
        name = disk_from_key(key)
    except InvalidInput:
        assume(False)
    assert key_from_disk(name) == key


def test_files_of_batches_are_not_shown() -> None:
    """A message names source and batch of what arrived, and never the file; our own keys are shown whole."""
    assert shown("incoming/bimcv/b7/sub-S03044/x.png") == "incoming/bimcv/b7/…"
    assert shown("incoming/bimcv/sub-S03044.png") == "incoming/bimcv/…"
    assert shown("catalog/b7.parquet") == "catalog/b7.parquet"
    assert shown("a\udcff") == "a\\udcff"
