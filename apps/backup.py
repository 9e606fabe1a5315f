"""`xray backup` and `xray restore`: what they print, and the place that a person names."""

from pathlib import Path

from rich.console import Console

from apps.up.lock import find_running
from storage.backups import Backup, load_backup, restore_backup, save_backup
from storage.objects import Objects, open_objects
from storage.settings import Settings
from xray_model.errors import ConfigurationError, InvalidInput


def make_backup(destination: str) -> None:
    """Back up what lasts; raises as `save_backup`, and InvalidInput where the destination is inside what it copies."""
    console, settings = Console(), Settings()
    backup = save_backup(settings, _open_place(destination, settings, begin=True))
    console.print(f"Backup {backup.name}: {_told(backup)}.", highlight=False, soft_wrap=True)
    if not backup.own_registry:
        console.print("The registry that XRAY_REGISTRY names is not in it: back it up now, after this.", soft_wrap=True)
    if settings.salt is not None:
        console.print("XRAY_SALT is not in it: keep it where your other secrets are kept.", soft_wrap=True)


def restore(source: str, at: str | None) -> None:
    """Put a backup back into an empty store and home.

    Raises:
        ConfigurationError: `xray up` runs on the home; or as `restore_backup`.
        ObjectNotFound: there is no such backup.
    """
    console, settings = Console(), Settings()
    if find_running(settings.home.resolve()):
        raise ConfigurationError("`xray up` runs on this home: stop it first")
    kept = _open_place(source, settings, begin=False)
    backup = load_backup(kept, at)
    restore_backup(settings, kept, backup)
    console.print(f"Backup {backup.name} is restored: {_told(backup)}.", highlight=False, soft_wrap=True)
    console.print("Features are computed again when they are needed. `xray doctor` says what is missing.")


def _open_place(name: str, settings: Settings, *, begin: bool) -> Objects:
    """The backup's store: an s3:// or file:// address, or the path of a folder, which only its owner may enter."""
    if "://" in name:
        return open_objects(name)
    folder = Path(name).resolve()
    if folder.is_relative_to(settings.home.resolve()):
        raise InvalidInput(f"{folder} is inside the home: what destroys the one would destroy the other")
    if begin:
        if not folder.parent.is_dir():
            raise InvalidInput(f"there is no folder {folder.parent} to put the backup in: is its disk mounted?")
        folder.mkdir(mode=0o700, exist_ok=True)
    elif not folder.is_dir():
        raise InvalidInput(f"there is no folder {folder}")
    return open_objects(folder.as_uri())


def _told(backup: Backup) -> str:
    size = sum(entry.size for entry in backup.entries)
    return f"{len(backup.entries):,} objects, {size / 1e6:,.1f} MB"
