"""What the service asks the store for, and how often."""

import numpy as np
import pytest

from apps.serving import source
from apps.serving.source import StoreSource
from storage.registry import Registry
from storage.settings import Settings
from storage.sights import find_sight
from storage.store import Store
from storage.strangeness import save_strangeness
from tests.apps.serving.doubles import served
from xray_model.evaluation.sight import Sight
from xray_model.evaluation.strangeness import UNCHECKED, Strangeness
from xray_model.outcomes import ServedModel


def test_what_a_model_is_checked_by_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read again where something was added to it, and for another model."""
    read: list[int] = []

    def count(objects: object, model: ServedModel) -> Sight:
        assert objects is store.objects
        read.append(model.version)
        return find_sight(store.objects, model)

    monkeypatch.setattr(source, "find_sight", count)
    asked = StoreSource(store.objects, Registry(Settings()))
    assert [asked.find_sight(served(1)).unchecked for _ in range(3)] == [UNCHECKED] * 3
    save_strangeness(store.objects, "run1", Strangeness(np.zeros((1, 3), np.float32), 0.1))
    assert [asked.find_sight(served(1)).unchecked for _ in range(3)] == [None] * 3
    assert asked.find_sight(served(2)).unchecked == UNCHECKED
    assert read == [1, 1, 2]
