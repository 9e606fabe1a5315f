"""The model in service: found, fetched, warmed up and swapped in by one thread, while others are answered."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Condition, Event, Thread
from typing import TypeVar

from apps.importing import seldom_collecting
from apps.serving.answers import ServiceState
from apps.serving.asking import ask, wait_for_answer
from apps.serving.errors import NotReady
from apps.serving.kept import KeptModel
from apps.serving.limits import ServiceLimits
from apps.serving.loaded import LoadedModel
from apps.serving.source import ModelSource
from xray_model.data.bounds import DEFAULTS, Bounds
from xray_model.errors import ConfigurationError, StoreUnavailable, XrayError
from xray_model.outcomes import ServedModel

Found = TypeVar("Found")

_LONGEST_PAUSE = 60.0
"""Seconds between two tries while something fails."""
_SIGHT_SECONDS = 60.0
"""Between two looks for what is not known yet of the images that the model was trained on."""
_CLOSE_SECONDS = 10.0
_NONE_YET = "no model is in service yet: none was promoted"
_log = logging.getLogger(__name__)


class ChampionKeeper:
    """Keeps the champion in memory. What cannot be had leaves the last good model where it is.

    A request holds the model that it begins with; one that was replaced ends when the last request lets go of it.
    """

    def __init__(
        self,
        source: ModelSource,
        kept: KeptModel,
        side: int,
        limits: ServiceLimits,
        on_batch: Callable[[int], object],
    ) -> None:
        self._source, self._kept, self._side, self._limits, self._on_batch = source, kept, side, limits, on_batch
        self.bounds: Bounds = DEFAULTS
        """In force, as they were last read."""
        self._changed = Condition()
        self._current: LoadedModel | None = None
        self._spare: LoadedModel | None = None
        """The copy of this machine, loaded before anybody could say which model is in service."""
        self._trouble: str | None = "the model in service is being loaded"
        self._failures = 0
        self._sight_asked = float("-inf")
        self._looking: datetime | None = None
        """Since when store and registry have not said which model is in service, while they are asked."""
        self._closing = Event()
        self._thread = Thread(target=self._work, name="xray-champion", daemon=True)

    def start(self) -> None:
        """Begin to look for the model in service."""
        self._thread.start()

    def close(self) -> None:
        """Let nobody begin any more, and end when those under way have ended, or ten seconds later."""
        with self._changed:
            self._closing.set()
            if not self._changed.wait_for(lambda: not self._current or not self._current.users, _CLOSE_SECONDS):
                _log.warning("the service ends while requests are under way")
            last, self._current = self._current, None
        if last is not None:
            last.close()
            last.join(_CLOSE_SECONDS)

    def state(self) -> ServiceState:
        """See `PredictionService.state`."""
        with self._changed:
            current = self._current
            trouble, looking = self._trouble, self._looking
            model, sure = (None, None) if current is None else (current.model, current.sure)
        if self._closing.is_set():
            return ServiceState(model, ready=False, reason="the service is closing", unsure_since=None)
        patience = self._limits.poll_seconds + self._limits.patience_seconds
        if trouble is None and looking and (datetime.now(UTC) - looking).total_seconds() > patience:
            trouble = "store and registry have not said for a while which model is in service"
        return ServiceState(
            model,
            ready=model is not None,
            reason=trouble,
            unsure_since=sure if trouble else None,
            unchecked=None if current is None else current.sight.unchecked,
            unkept=self._kept.trouble,
        )

    @property
    def waiting(self) -> int:
        """Images before the model in service."""
        current = self._current
        return 0 if current is None else current.waiting

    @contextmanager
    def hold(self) -> Iterator[LoadedModel]:
        """The model in service, which lasts as long as the context does, whatever is promoted meanwhile.

        Raises:
            NotReady: there is none.
        """
        with self._changed:
            loaded = self._current
            if loaded is None or self._closing.is_set():
                raise NotReady("the service is closing" if self._closing.is_set() else self._trouble or _NONE_YET)
            loaded.users += 1
        try:
            yield loaded
        finally:
            with self._changed:
                loaded.users -= 1
                self._changed.notify_all()
                replaced = loaded is not self._current and not loaded.users
            if replaced:
                loaded.close()

    def _work(self) -> None:
        with seldom_collecting():
            self._begin()
        while not self._closing.wait(min(self._limits.poll_seconds * 2**self._failures, _LONGEST_PAUSE)):
            self._attempt(self._look)
            self._keep()

    def _begin(self) -> None:
        asked = ask(self._source.find_champion)  # it may wait long for a store that is down, and the copy must not
        self._attempt(self._load_spare)
        patience = None if self._spare is None else self._limits.patience_seconds
        self._attempt(lambda: self._follow(wait_for_answer(asked, patience)))
        self._attempt(self._use_spare)

    def _use_spare(self) -> None:
        """Let this machine's copy answer where nobody said which model is in service, or that one cannot be had."""
        spare, self._spare = self._spare, None
        if spare is None or spare is self._current:
            return
        if self._failures and self._current is None:
            self._swap(spare)
            spare.warm_up()
        else:
            spare.close()

    def _look(self) -> None:
        self._looking = datetime.now(UTC)
        self._follow(self._source.find_champion())

    def _attempt(self, act: Callable[[], None]) -> None:
        """Do something that may fail; the thread, and the model that answers, live on."""
        try:
            act()
        except XrayError as error:
            self._doubt(str(error))
            _log.warning("the model in service stays as it is: %s", error)
        except Exception as error:  # noqa: BLE001 - what Keras says of a file that it cannot load has no common kind
            self._doubt(f"the model in service cannot be loaded: {type(error).__name__}")
            _log.exception("the model in service stays as it is")

    def _doubt(self, trouble: str) -> None:
        with self._changed:
            self._trouble = trouble
            self._failures = min(self._failures + 1, 10)
            self._looking = None

    def _load_spare(self) -> None:
        copy = self._kept.find()
        if copy is not None:
            self._spare = self._load(copy.model)
            self._spare.sure = copy.confirmed

    def _follow(self, wanted: ServedModel | None) -> None:
        """Let this model answer, or none before the first promotion.

        Raises:
            StoreUnavailable: none any more. A ledger only grows, so an empty one is a folder where no disk is mounted.
        """
        if wanted is None and self._current is not None:
            raise StoreUnavailable("the ledger is empty and was not before: the store was moved away or is not mounted")
        try:
            self.bounds = self._source.load_bounds()
        finally:  # damaged bounds are told of, and keep no model out of service
            if wanted is not None:
                self._serve(wanted)
        self._settle(_NONE_YET if wanted is None else None)

    def _settle(self, trouble: str | None) -> None:
        """What serves is what the ledger says."""
        with self._changed:
            self._trouble = trouble
            self._failures = 0
            self._looking = None
            if self._current is not None:
                self._current.sure = datetime.now(UTC)

    def _serve(self, wanted: ServedModel) -> None:
        ready = next((one for one in (self._current, self._spare) if one and _same_file(one.model, wanted)), None)
        if ready is None:
            with self._changed:
                self._trouble = f"model v{wanted.version} was put in service and is being loaded"
            ready = self._load(wanted)
        ready.model = wanted
        try:
            self._find_sight(ready)
        finally:
            if ready is not self._current:
                self._put_in_service(ready)

    def _put_in_service(self, new: LoadedModel) -> None:
        """Swap it in once it is warm; at once where nobody is answered until then."""
        waits_for_it = self._current is None
        if not waits_for_it:
            try:
                new.warm_up()
            except Exception:
                new.close()
                raise
        new.sure = datetime.now(UTC)
        self._swap(new)
        _log.info("model v%d is in service", new.model.version)
        self._settle(None)
        self._keep()
        if waits_for_it:
            new.warm_up()

    def _keep(self) -> None:
        """Let this machine have a copy of the model that answers, which it does without one as well."""
        current = self._current
        if current is not None:
            self._kept.keep(current.model, current.sure, self._source.fetch)

    def _find_sight(self, loaded: LoadedModel) -> None:
        """Look for what is known of the images that it was trained on, until all of it is there."""
        if not loaded.sight.is_whole and time.monotonic() - self._sight_asked > _SIGHT_SECONDS:
            self._sight_asked = time.monotonic()
            loaded.sight = self._source.find_sight(loaded.model)

    def _load(self, model: ServedModel) -> LoadedModel:
        """A model in memory that has answered once.

        Raises:
            ConfigurationError: its pixels are not those of this store.
            XrayError: its file cannot be had.
        """
        with self._kept.file_of(model, self._source.fetch) as path:
            predictor = self._source.load(path)
        if (predictor.side, tuple(predictor.classes)) != (self._side, model.classes):
            raise ConfigurationError(
                f"model v{model.version} tells {', '.join(predictor.classes)} apart in pictures of {predictor.side} "
                f"pixels; by the ledger it is {', '.join(model.classes)}, and the store's pictures have {self._side}. "
                "Put another model in service."
            )
        predictor.warm_up((1,))
        self._sight_asked = float("-inf")
        return LoadedModel(model, predictor, self._limits, self._on_batch)

    def _swap(self, new: LoadedModel) -> None:
        with self._changed:
            if self._closing.is_set():
                over: LoadedModel | None = new
            else:
                over, self._current = self._current, new
            unused = over is not None and not over.users
        if over is not None and unused:
            over.close()


def _same_file(one: ServedModel, other: ServedModel) -> bool:
    return (one.version, one.run_id, one.model_sha256) == (other.version, other.run_id, other.model_sha256)
