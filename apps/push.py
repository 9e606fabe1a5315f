"""`xray push`: from a folder or archive on disk into the landing zone."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from storage.incoming import ARCHIVE_SUFFIXES, PREFIX, READY, archive_batch_name, check_name
from storage.settings import Settings
from storage.store import open_store
from xray_model.errors import InvalidInput
from xray_model.progress import advance


def push_batch(path: Path, source: str, batch: str | None, console: Console | None = None) -> None:
    """Copy `path` to `incoming/<source>/<batch>/` and mark it ready.

    Raises:
        InvalidInput: there is nothing to send, or a name cannot stand in a key.
    """
    console = console or Console()
    if not path.exists():
        raise InvalidInput(f"{path} does not exist: give a folder or an archive")
    files = list(_files(path))
    if not files:
        raise InvalidInput(f"{path} holds no file to send")
    given = batch or (archive_batch_name(path.name) if path.is_file() else path.resolve().name)
    prefix = f"{PREFIX}{check_name(source, 'source')}/{check_name(given, 'batch (give one with --batch)')}/"
    settings = Settings()
    objects = open_store(settings).objects
    for done, (name, file) in enumerate(files, start=1):
        objects.put_file(f"{prefix}{name}", file)
        advance(f"send {source} / {given}", done, len(files))
    objects.put(f"{prefix}{READY}", b"")
    console.print(f"{len(files)} files sent to {prefix} in {settings.store_url}", highlight=False, soft_wrap=True)
    console.print("The next `xray nightly` reads them.", highlight=False)


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Names below `path` and their files; links are not followed, so nothing outside is sent."""
    if path.is_file():
        if not path.name.lower().endswith(ARCHIVE_SUFFIXES):
            raise InvalidInput(f"{path} is one file and no archive ({', '.join(ARCHIVE_SUFFIXES)}): give its folder")
        yield path.name, path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(path).as_posix(), file
