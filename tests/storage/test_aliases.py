"""The registry's aliases follow the ledger, whatever became of them, and the champion's moves last."""

import pytest

from storage.aliases import follow_ledger
from storage.promotion import approve_model
from storage.registry import Registry
from storage.store import Store
from tests.storage.entries import WAITING, write_ledger
from xray_model.errors import RegistryUnavailable


def test_aliases_follow_whatever_became_of_them(store: Store, registry: Registry) -> None:
    """One that was moved, taken away or added is put right, and one that is nobody's business here is left alone."""
    assert follow_ledger(store.objects, registry) == []
    write_ledger(store.objects, *WAITING)
    registry.move_aliases({"champion": 6, "staging": 5})
    assert follow_ledger(store.objects, registry) == WAITING
    expected = {"challenger": 3, "previous": 1, "champion": 2}
    assert registry.aliases() == expected
    assert registry._client().get_model_version_by_alias("xray", "staging").version == 5
    registry.move_aliases({"previous": None, "champion": None})
    follow_ledger(store.objects, registry)
    assert registry.aliases() == expected


def test_champion_moves_last(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks while aliases move sees the old champion until all else is in place."""
    write_ledger(store.objects, *WAITING)
    follow_ledger(store.objects, registry)
    moved: list[str] = []
    own = registry._client()
    monkeypatch.setattr(registry, "_client", lambda: own)
    set_alias = own.set_registered_model_alias

    def watch(name: str, alias: str, version: str) -> None:
        moved.append(alias)
        set_alias(name, alias, version)

    monkeypatch.setattr(own, "set_registered_model_alias", watch)
    approve_model(store.objects, registry, 3, who="ada", why="seen")
    assert moved == ["challenger", "previous", "champion"]


def test_a_version_that_is_gone_keeps_no_other_from_moving(store: Store, registry: Registry) -> None:
    """A challenger whose version was deleted does not keep the champion's alias where it was; the run is told."""
    registry._client().delete_model_version("xray", "3")
    write_ledger(store.objects, *WAITING)
    with pytest.raises(RegistryUnavailable, match="does not keep the aliases"):
        follow_ledger(store.objects, registry)
    assert registry.aliases() == {"previous": 1, "champion": 2}
