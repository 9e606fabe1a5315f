"""The landing zone: which batches there are, which are ready, and what makes a new revision."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.incoming import archive_batch_name, check_name, list_batches, list_ready
from storage.store import Store
from xray_model.errors import InvalidInput

SETTLE = timedelta(minutes=10)


def send(store: Store, *keys: str) -> None:
    """Put small files into the landing zone."""
    for key in keys:
        store.objects.put(f"incoming/{key}", key.encode())


def test_batches_by_source_and_name(store: Store) -> None:
    """A folder is a batch, and so are an archive and the parts of one set."""
    send(store, "a/one/x.png", "a/one/sub/y.png", "a/set_part1.tgz", "a/set_part2.tgz", "b/two.zip", "stray.txt")
    found = {(batch.source, batch.name): len(batch.infos) for batch in list_batches(store.objects)}
    assert found == {("a", "one"): 2, ("a", "set"): 2, ("b", "two"): 1}


def test_ready_when_marked_or_quiet(store: Store) -> None:
    """A batch is ready with its mark at once, without it when nothing has changed for a while."""
    send(store, "a/marked/x.png", "a/marked/_READY", "a/growing/x.png")
    assert [batch.name for batch in list_ready(store.objects, SETTLE)] == ["marked"]
    later = datetime.now(UTC) + timedelta(minutes=11)
    assert [batch.name for batch in list_ready(store.objects, SETTLE, now=later)] == ["growing", "marked"]


def test_sources_are_chosen(store: Store) -> None:
    """Only the sources asked for are listed."""
    send(store, "a/one/x.png", "b/one/x.png")
    assert [batch.source for batch in list_batches(store.objects, ["b"])] == ["b"]


def test_late_file_makes_a_new_revision_and_the_mark_does_not(store: Store) -> None:
    """The id follows the content; all revisions share a family."""
    send(store, "a/one/x.png")
    (first,) = list_batches(store.objects)
    send(store, "a/one/_READY")
    (marked,) = list_batches(store.objects)
    send(store, "a/one/late.png")
    (second,) = list_batches(store.objects)
    assert first.batch_id == marked.batch_id != second.batch_id
    assert second.batch_id.startswith(first.family)


@pytest.mark.parametrize(
    ("file", "batch"),
    [
        ("covid19_posi_part1.tgz", "covid19_posi"),
        ("covid19_posi.part2.tar.gz", "covid19_posi"),
        ("SET_PART1.ZIP", "SET"),
        ("set-PART-03.zip", "set"),
        ("plain.tar", "plain"),
        ("part1.tgz", "part1"),
    ],
)
def test_parts_belong_together(file: str, batch: str) -> None:
    """The number of a part is no part of the batch's name."""
    assert archive_batch_name(file) == batch


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a b", ".hidden", "x" * 61, "naïve", "a.b"])
def test_names_that_cannot_stand_in_a_key_are_refused(name: str) -> None:
    """A source or batch name is letters, digits, hyphens and underscores."""
    with pytest.raises(InvalidInput, match="cannot name a batch"):
        check_name(name, "batch")


def test_odd_names_make_short_safe_ids(store: Store) -> None:
    """A sender's long or odd batch name stops nobody: its id is short, safe, and its own."""
    send(store, f"a/{'x' * 200}/i.png", f"a/{'x' * 201}/i.png", "a/odd name é/i.png")
    ids = [batch.batch_id for batch in list_batches(store.objects)]
    assert len(set(ids)) == 3
    assert all(len(batch_id) < 100 and batch_id.isascii() and " " not in batch_id for batch_id in ids)
