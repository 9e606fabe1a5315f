"""A copy of the last good model on this machine, for when registry or store are down."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.champions import check_file
from xray_model.errors import InvalidInput
from xray_model.outcomes import ServedModel

Fetch: TypeAlias = Callable[[ServedModel, Path], None]
"""Puts the file of a model at a path."""

_NAME = "model.json"
_PAUSE_SECONDS = 60.0
"""Between two tries to keep a model."""
_log = logging.getLogger(__name__)


class _Note(BaseModel):
    """Which model the copy is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str
    model: ServedModel


class KeptModel:
    """The copy, in a folder; of another store than `store` there is none."""

    def __init__(self, folder: Path, store: str) -> None:
        self._folder, self._store = folder, store
        self._wanted: ServedModel | None = None
        self._due = float("-inf")
        """When the wanted one is to be kept, by the monotonic clock; never again once it is."""

    def find(self) -> ServedModel | None:
        """The model that was last kept; None where there is none, or nothing to be trusted."""
        path = self._folder / _NAME
        try:
            note = _Note.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.warning("%s cannot be read, so that no model is ready before the store answers: %s", path, error)
            return None
        return note.model if note.store == self._store and self.holds(note.model) else None

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

    def keep(self, model: ServedModel, fetch: Fetch) -> None:
        """Note that this model is the last good one, whose file is there afterwards; those of others are removed.

        What fails is told of, and tried again by a call a minute later: for each model it is done once.
        """
        if model != self._wanted:
            self._wanted, self._due = model, float("-inf")
        if time.monotonic() < self._due:
            return
        try:
            self._keep(model, fetch)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a copy, the model answers
            self._due = time.monotonic() + _PAUSE_SECONDS
            _log.warning("no copy of model v%d is on this machine for when the store is down: %s", model.version, error)
        else:
            self._due = float("inf")

    def _keep(self, model: ServedModel, fetch: Fetch) -> None:
        kept = self._fetch(model, fetch)
        part = self._folder / f"{_NAME}.part"
        part.write_text(_Note(store=self._store, model=model).model_dump_json(indent=2))
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
