"""The store as one thing: its objects and the facts that must never change once images lie in it."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from storage.objects import Objects, open_objects
from storage.settings import Settings
from xray_model.data.splits import SplitShares
from xray_model.errors import ConfigurationError

CONSTANTS_KEY = "store.json"


class StoreConstants(BaseModel):
    """Written when a store is begun: another value later would mix sizes, move patients, or split them in two."""

    model_config = ConfigDict(frozen=True)

    side: int
    validation_share: float
    test_share: float
    salt_check: str
    """Tells two salts apart without telling the salt."""


@dataclass(frozen=True, slots=True)
class Store:
    """An opened store."""

    objects: Objects
    side: int
    shares: SplitShares
    salt: bytes
    spool: Path
    """Local folder for archives that must be unpacked to be read."""
    feature_bytes: int
    """Most bytes of kept features for one network."""


@lru_cache(maxsize=4)
def open_store(settings: Settings) -> Store:
    """Open the store, beginning it where it is new; a process opens it once.

    Raises:
        ConfigurationError: this machine's settings contradict those the store was begun with.
        StoreUnavailable: the store does not answer.
    """
    store = reach_store(settings)
    store.objects.create(CONSTANTS_KEY, _constants_of(settings).model_dump_json(indent=2).encode())
    check_constants(store.objects, settings)
    return store


def reach_store(settings: Settings) -> Store:
    """The store as this machine's settings have it, neither begun nor checked: for what starts while it is down."""
    return Store(
        open_objects(settings.store_url),
        settings.side,
        SplitShares(settings.validation_share, settings.test_share),
        settings.salt_bytes(),
        settings.home / "spool",
        settings.feature_bytes,
    )


def open_store_of(settings: Settings, store_url: str) -> Store:
    """Open the store that a flow works on, in a process that it handed work to.

    Raises:
        ConfigurationError: this machine has another store, or settings that contradict those it was begun with.
        StoreUnavailable: the store does not answer.
    """
    if settings.store_url != store_url:
        raise ConfigurationError(
            f"the flow works on the store {store_url}, and this worker has {settings.store_url}. "
            "Set XRAY_STORE and XRAY_SALT alike on all machines."
        )
    return open_store(settings)


def check_constants(objects: Objects, settings: Settings) -> StoreConstants:
    """The facts a store was begun with.

    Raises:
        ConfigurationError: this machine's settings contradict them.
        ObjectNotFound: it was not begun.
    """
    wanted, found = _constants_of(settings), StoreConstants.model_validate_json(objects.get(CONSTANTS_KEY))
    differing = [
        f"{name} is {getattr(found, name)} in the store and {getattr(wanted, name)} here"
        for name in StoreConstants.model_fields
        if getattr(found, name) != getattr(wanted, name)
    ]
    if differing:
        raise ConfigurationError(
            f"the store {settings.store_url} was begun with other settings: {'; '.join(differing)}. "
            "Set XRAY_SIDE, XRAY_VALIDATION_SHARE, XRAY_TEST_SHARE and XRAY_SALT as they were, or begin a new store."
        )
    return found


def _constants_of(settings: Settings) -> StoreConstants:
    return StoreConstants(
        side=settings.side,
        validation_share=settings.validation_share,
        test_share=settings.test_share,
        salt_check=hashlib.sha256(b"xray store" + settings.salt_bytes()).hexdigest()[:12],
    )
