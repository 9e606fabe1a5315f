"""Backups: what is copied and in which order, that each content is checked, and where nothing is restored."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from storage.backups import load_backup, restore_backup, save_backup
from storage.backups.records import backup_names, content_key
from storage.catalog import batches_by_age
from storage.objects import Objects, open_objects
from storage.settings import Settings
from storage.store import open_store
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound

LASTING = {
    "catalog/b.first.parquet": b"1",
    "catalog/a.second.parquet": b"2",
    "shards/b.first/0000.npy": b"pixels",
    "ledger/00000.json": b"{}",
    "weights/mine.h5": b"weights",
}
CACHED = {"features/f/b.first/0000.npy": b"again", "staging/b.third/plan.json": b"{}"}


@pytest.fixture
def filled(home: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """The embedded store with one object of each kind, a registry, and a salt of its own."""
    monkeypatch.delenv("XRAY_SALT")
    open_store.cache_clear()
    objects = open_store(Settings()).objects
    for key, data in {**LASTING, **CACHED}.items():
        objects.put(key, data)
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        database.execute("create table versions (number)")
    return objects


@pytest.fixture
def kept(tmp_path: Path) -> Objects:
    """An empty place for backups."""
    return open_objects((tmp_path / "kept").as_uri())


def contents(objects: Objects) -> dict[str, bytes]:
    """Every object of a store but its constants."""
    return {info.key: objects.get(info.key) for info in objects.list() if info.key != "store.json"}


def move_away(home: Path) -> None:
    """Lose everything."""
    home.rename(home.with_name("lost"))


def test_all_that_lasts_comes_back(filled: Objects, kept: Objects, home: Path) -> None:
    """Objects of unknown folders too, with their times and etags, the database and the salt; no cache does."""
    salt = Settings().salt_bytes()
    listed = {info for info in filled.list() if info.key not in CACHED}
    backup = save_backup(Settings(), kept)
    assert backup.own_registry
    move_away(home)
    restore_backup(Settings(), kept, load_backup(kept))
    store = open_objects(Settings().store_url)
    assert contents(store) == LASTING
    assert set(store.list()) == listed
    assert Settings().salt_bytes() == salt
    assert stat.S_IMODE((home / "salt").stat().st_mode) == 0o600
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert database.execute("select name from sqlite_master").fetchall() == [("versions",)]


def test_what_points_is_copied_before_what_it_points_at(filled: Objects, kept: Objects) -> None:
    """A night that runs meanwhile cannot leave an entry in the backup whose shards or model are not there."""
    keys = [entry.key for entry in save_backup(Settings(), kept).entries]
    places = [keys.index(key) for key in ("ledger/00000.json", "catalog/b.first.parquet", "shards/b.first/0000.npy")]
    assert places == sorted(places)
    assert keys.index("ledger/00000.json") < keys.index("mlflow.db")


def test_second_backup_copies_what_is_new_and_the_first_stays(filled: Objects, kept: Objects, home: Path) -> None:
    """Contents are shared; a backup by its name is what was there when it was made."""
    first = save_backup(Settings(), kept)
    before = {info.key for info in kept.list("content/")}
    filled.put("ledger/00001.json", b"later")
    kept.delete(f"backups/{first.name}.json")
    earlier = first.model_copy(update={"made": first.made.replace(year=2020)})
    kept.put(f"backups/{earlier.name}.json", earlier.model_dump_json().encode())
    second = save_backup(Settings(), kept)
    assert len({info.key for info in kept.list("content/")} - before) == 1
    assert backup_names(kept) == [earlier.name, second.name]
    move_away(home)
    restore_backup(Settings(), kept, load_backup(kept, earlier.name))
    assert not open_objects(Settings().store_url).exists("ledger/00001.json")


def test_nothing_is_restored_over_anything(filled: Objects, kept: Objects, home: Path) -> None:
    """A store or a home in use stays as it is."""
    backup = save_backup(Settings(), kept)
    with pytest.raises(ConfigurationError, match="is not empty"):
        restore_backup(Settings(), kept, backup)
    (home / "store").rename(home.with_name("lost"))
    with pytest.raises(ConfigurationError, match=r"holds \S+ already"):
        restore_backup(Settings(), kept, backup)
    assert contents(open_objects(Settings().store_url)) == {}


def test_damaged_content_is_found(filled: Objects, kept: Objects, home: Path) -> None:
    """What is not what was copied is not restored, and neither is what points at it."""
    backup = save_backup(Settings(), kept)
    (shard,) = (entry for entry in backup.entries if entry.key.startswith("shards/"))
    kept.put(content_key(shard.sha256), b"pixelz")
    move_away(home)
    with pytest.raises(InvalidInput, match="is damaged"):
        restore_backup(Settings(), kept, backup)
    store = open_objects(Settings().store_url)
    assert not any(store.exists(key) for key in LASTING if key.startswith(("shards/", "catalog/", "ledger/")))


@pytest.mark.parametrize(("name", "value"), [("XRAY_SALT", "another"), ("XRAY_SIDE", "224")])
def test_other_constants_are_refused(
    filled: Objects, kept: Objects, home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A salt or side that is not the store's is found before a row is restored."""
    backup = save_backup(Settings(), kept)
    move_away(home)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="was begun with other settings"):
        restore_backup(Settings(), kept, backup)
    assert contents(open_objects(Settings().store_url)) == {}


def test_registry_is_restored_where_it_was(
    filled: Objects, kept: Objects, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's database names its files by path, and another registry is not this one."""
    backup = save_backup(Settings(), kept)
    move_away(home)
    with monkeypatch.context() as patch:
        patch.setenv("XRAY_REGISTRY", "http://mlflow.hospital.example")
        with pytest.raises(ConfigurationError, match="unset XRAY_REGISTRY"):
            restore_backup(Settings(), kept, backup)
    monkeypatch.setenv("XRAY_HOME", str(home.with_name("elsewhere")))
    with pytest.raises(ConfigurationError, match="XRAY_HOME"):
        restore_backup(Settings(), kept, backup)


def test_backup_needs_a_place_of_its_own(filled: Objects, kept: Objects, home: Path) -> None:
    """Not inside the store, not beside something else; and a store there must be."""
    with pytest.raises(InvalidInput, match="inside the store"):
        save_backup(Settings(), open_objects(f"{filled.url}/backup"))
    kept.put("thesis/draft.txt", b"")
    with pytest.raises(InvalidInput, match="no part of a backup"):
        save_backup(Settings(), kept)
    move_away(home)
    with pytest.raises(ObjectNotFound):
        save_backup(Settings(), open_objects(home.with_name("new").as_uri()))


@pytest.mark.service
def test_bucket_keeps_the_order_of_commits(
    filled: Objects, kept: Objects, home: Path, new_bucket_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restored into a bucket, whose clock tells seconds, batches stand in the order in which they were committed."""
    for place, key in enumerate(LASTING):
        os.utime(home / "store" / key, (1_700_000_000 + place,) * 2)
    order = batches_by_age(filled)
    assert order == ["b.first", "a.second"]
    backup = save_backup(Settings(), kept)
    monkeypatch.setenv("XRAY_SALT", Settings().salt_bytes().decode())
    move_away(home)
    monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    restore_backup(Settings(), kept, backup)
    store = open_objects(Settings().store_url)
    assert contents(store) == LASTING
    assert batches_by_age(store) == order
