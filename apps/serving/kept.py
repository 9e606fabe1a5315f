"""A copy of the last good model on this machine, for when registry or store are down."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.champions import check_file
from xray_model.errors import InvalidInput
from xray_model.outcomes import ServedModel

_NAME = "model.json"
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
        path = self.path_of(model)
        if not path.is_file():
            return False
        try:
            check_file(path, model)
        except InvalidInput as error:
            _log.warning("the copy is fetched anew: %s", error)
            path.unlink()
            return False
        return True

    def path_of(self, model: ServedModel) -> Path:
        """Where its file belongs; the folder is there afterwards."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{model.model_sha256}.keras"

    def keep(self, model: ServedModel) -> None:
        """Note that this model, whose file is there, is the last good one; those of others are removed."""
        part = self._folder / f"{_NAME}.part"
        part.write_text(_Note(store=self._store, model=model).model_dump_json(indent=2))
        part.replace(self._folder / _NAME)
        for path in self._folder.glob("*.keras"):
            if path != self.path_of(model):
                path.unlink(missing_ok=True)
