"""Looking at a store without beginning it, of either kind."""

from pathlib import Path

import pytest

from storage.health import check_store
from storage.objects import Objects
from storage.settings import Settings
from storage.store import open_store
from xray_model.errors import ConfigurationError


def test_store_is_looked_at_and_not_begun(home: Path, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new store stays empty; one that is begun is said to be, and with another side than here is refused."""
    monkeypatch.setenv("XRAY_STORE", objects.url)
    assert not check_store(Settings())
    assert not list(objects.list())
    open_store(Settings())
    assert check_store(Settings())
    monkeypatch.setenv("XRAY_SIDE", "224")
    with pytest.raises(ConfigurationError, match="begun with other settings"):
        check_store(Settings())
