"""A copy of the last good model on this machine, for when registry or store are down."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from storage.champions import check_file
from xray_model.errors import InvalidInput, XrayError
from xray_model.outcomes import ServedModel

Fetch: TypeAlias = Callable[[ServedModel, Path], None]
"""Puts the file of a model at a path."""

_NAME = "model.json"
_PAUSE_SECONDS = 60.0
"""Between two times that a model is kept, or that it is tried."""
_log = logging.getLogger(__name__)


class _Note(BaseModel):
    """Which model the copy is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str
    model: ServedModel
    confirmed: AwareDatetime | None = None
    """None where an earlier version of this project wrote it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is kept."""

    model: ServedModel
    confirmed: datetime
    """UTC, when the ledger was last seen to name the model, or some time before."""


class KeptModel:
    """The copy, in a folder; of another store than `store` there is none."""

    def __init__(self, folder: Path, store: str) -> None:
        self._folder, self._store = folder, store
        self.trouble: str | None = None
        """Why the model that is to be kept is not, in a sentence for people; None where it is."""
        self._wanted: ServedModel | None = None
        self._confirmed: datetime | None = None
        """As it stands beside the copy of the wanted one; None where that is not there yet."""
        self._due = float("-inf")
        """When the wanted one may be kept again, by the monotonic clock."""

    def find(self) -> Copy | None:
        """What was last kept; None where there is nothing, or nothing to be trusted."""
        path = self._folder / _NAME
        try:
            note = _Note.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.warning("%s cannot be read, so that no model is ready before the store answers: %s", path, error)
            return None
        if note.store != self._store or not self.holds(note.model):
            return None
        return Copy(note.model, (note.confirmed or note.model.since).astimezone(UTC))

    def holds(self, model: ServedModel) -> bool:
        """Whether the file of a model is there, and whole."""
        path = self._path_of(model)
        try:
            if not path.is_file():
                return False
            check_file(path, model)
        except (InvalidInput, OSError) as error:
            _log.warning("the copy is fetched anew: %s", error)
            return False
        return True

    @contextmanager
    def file_of(self, model: ServedModel, fetch: Fetch) -> Iterator[Path]:
        """The file of a model: the copy, which is fetched where it is not there, or else one for as long as this lasts.

        A home that cannot be written, or is full, so keeps no model out of service.

        Raises:
            OSError: the folder for temporary files cannot be written either.
            XrayError: the file cannot be had.
        """
        with ExitStack() as stack:
            try:
                path = self._fetch(model, fetch)
            except OSError as error:
                _log.warning("%s takes no copy of model v%d: %s", self._folder, model.version, error)
                path = Path(stack.enter_context(TemporaryDirectory(prefix="xray-serving-"))) / "model.keras"
                fetch(model, path)
            yield path

    def keep(self, model: ServedModel, confirmed: datetime, fetch: Fetch) -> None:
        """Note that this model is the last good one, whose file is there afterwards; those of others are removed.

        For each model that is done at once, and again at most every minute: where it failed, which is told of, and
        where the ledger was seen to name the model since.

        Args:
            model: that answers.
            confirmed: when the ledger was last seen to name it.
            fetch: where its file comes from.
        """
        if model != self._wanted:
            self._wanted, self._confirmed, self._due = model, None, float("-inf")
        if confirmed == self._confirmed or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _PAUSE_SECONDS
        failed = f"the copy of model v{model.version} on this machine, for when the store is down, cannot be kept"
        try:
            self._keep(model, confirmed, fetch)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a copy, the model answers
            self.trouble = f"{failed}: {_explain(error)}"
            _log.warning("%s: %s", failed, error)
        else:
            self._confirmed, self.trouble = confirmed, None

    def _keep(self, model: ServedModel, confirmed: datetime, fetch: Fetch) -> None:
        kept = self._fetch(model, fetch)
        part = self._folder / f"{_NAME}.part"
        part.write_text(_Note(store=self._store, model=model, confirmed=confirmed).model_dump_json(indent=2))
        part.replace(self._folder / _NAME)
        for path in self._folder.glob("*.keras"):
            if path != kept:
                path.unlink(missing_ok=True)

    def _fetch(self, model: ServedModel, fetch: Fetch) -> Path:
        """The path of a model's file, which is there afterwards."""
        path = self._path_of(model)
        if not self.holds(model):
            self._folder.mkdir(parents=True, exist_ok=True)
            fetch(model, path)
        return path

    def _path_of(self, model: ServedModel) -> Path:
        return self._folder / f"{model.model_sha256}.keras"


def _explain(error: Exception) -> str:
    """Without the system's own message, which holds a path of this machine."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error) if isinstance(error, XrayError) else type(error).__name__
