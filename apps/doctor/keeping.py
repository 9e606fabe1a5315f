"""What lasts: the home, the salt, the store and the registry."""

from collections.abc import Iterator
from datetime import UTC, datetime

from apps.doctor.clocks import check_clock
from apps.doctor.findings import Finding
from storage.settings import Settings
from xray_model.errors import ConfigurationError, XrayError


def look_at_keeping(settings: Settings) -> Iterator[Finding]:
    """Whether everything that lasts can be reached, and as it was begun."""
    yield _check_home(settings)
    yield _check_salt(settings)
    store = _check_store(settings)
    yield store
    if store.state == "ok":
        yield from _try_store(settings)
    yield _check_registry(settings)


def _check_home(settings: Settings) -> Finding:
    from storage.health import can_write

    home = settings.home.resolve()
    if not can_write(home):
        return Finding("problem", "home", f"{home} cannot be written: set XRAY_HOME to a folder that can")
    return Finding("ok", "home", str(home) if home.exists() else f"{home}, made at the first use")


def _check_salt(settings: Settings) -> Finding:
    if settings.salt is not None:
        return Finding("ok", "salt of the pseudonyms", "XRAY_SALT is set")
    if settings.shares_store:
        words = "XRAY_SALT is not set, and the store is shared: set it to the secret the store was begun with"
        return Finding("problem", "salt of the pseudonyms", words)
    return Finding("ok", "salt of the pseudonyms", "kept in the home" if settings.has_salt else "made at the first use")


def _check_store(settings: Settings) -> Finding:
    from storage.health import check_store

    try:
        begun = check_store(settings)
    except XrayError as error:
        return Finding("problem", "store", str(error))
    return Finding("ok", "store", settings.store_url if begun else f"{settings.store_url}, begins with the first batch")


def _try_store(settings: Settings) -> Iterator[Finding]:
    """What only shows when the store is used: who wins a race to write, and what time it has."""
    from storage.health import find_store_time, has_one_winner

    try:
        one_winner = has_one_winner(settings)
        theirs, ours = find_store_time(settings), datetime.now(UTC)
    except XrayError as error:
        yield Finding("problem", "writing to the store", str(error))
        return
    if one_winner is None:
        yield Finding("ok", "create-only writes", "tried once the store is begun")
    elif one_winner:
        yield Finding("ok", "create-only writes", "a race in the store has one winner")
    else:
        words = (
            "a race in the store has several winners, so two nights at once could both commit a batch: keep it on a "
            "server that honours `If-None-Match: *` (AWS, Ceph, MinIO), or in a folder that can have hard links"
        )
        yield Finding("problem", "create-only writes", words)
    if theirs is not None:
        yield check_clock("clock beside the store's", theirs, ours)


def _check_registry(settings: Settings) -> Finding:
    from storage.health import check_registry

    try:
        begun = check_registry(settings)
    except ConfigurationError as error:
        return Finding("problem", "registry (MLflow)", str(error))
    place = "under the home" if settings.registry is None else "as XRAY_REGISTRY says"
    return Finding("ok", "registry (MLflow)", place if begun else f"{place}, begins with the first training")
