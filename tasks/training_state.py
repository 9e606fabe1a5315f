"""Where the state of a training is kept, so that it goes on where it was interrupted: here, or on another machine."""

import logging
from dataclasses import dataclass
from pathlib import Path

from storage.objects import Objects
from xray_model.errors import ObjectNotFound, StoreUnavailable

PREFIX = "checkpoints/"
"""Of the keys under which machines share states; each is deleted when its training is done."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The file of a training's state, as `xray_model.network.checkpoint` wants it.

    A store that does not answer costs a training its latest state at worst, and never the training.
    """

    path: Path
    shared: Objects | None
    """The store, where other machines reach it too."""

    def fetch(self) -> None:
        """Bring what a machine shared last."""
        if self.shared is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.shared.get_file(self._key, self.path)
        except ObjectNotFound:
            return
        except StoreUnavailable:
            _log.warning("the state of a training cannot be fetched: it goes on from what is here", exc_info=True)

    def share(self) -> None:
        """Leave the file where other machines find it."""
        if self.shared is None:
            return
        try:
            self.shared.put_file(self._key, self.path)
        except StoreUnavailable:
            _log.warning("the state of a training cannot be shared: the next one is tried again", exc_info=True)

    def forget(self) -> None:
        """Delete it here and there, at the end of the training."""
        self.path.unlink(missing_ok=True)
        if self.shared is None:
            return
        try:
            self.shared.delete(self._key)
        except StoreUnavailable:
            _log.warning("%s stays in the store: it may be deleted", self._key, exc_info=True)

    @property
    def _key(self) -> str:
        return f"{PREFIX}{self.path.name}"
