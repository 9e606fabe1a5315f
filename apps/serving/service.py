"""The service that predicts: files in, answers of the model in service out."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from prometheus_client import CollectorRegistry

from apps.serving.answers import Answered, Refused, ServiceState
from apps.serving.champion import ChampionKeeper
from apps.serving.errors import Overloaded
from apps.serving.kept import KeptModel
from apps.serving.limits import ServiceLimits
from apps.serving.loaded import Heat, ImageAnswer, LoadedModel
from apps.serving.metrics import ServiceMetrics
from apps.serving.recording import Recorder, Row
from apps.serving.source import ModelSource, StoreSource
from storage.objects import Objects
from storage.registry import Registry
from xray_model.data.bounds import Bounds
from xray_model.errors import InvalidInput, UnreadableImage
from xray_model.evaluation.answering import ReadImage, read_image
from xray_model.evaluation.drift.columns import EMBEDDING
from xray_model.outcomes import Prediction, ServedModel

__all__ = ["Answered", "PredictionService", "Refused", "ServiceLimits", "ServiceState"]

_Done: TypeAlias = tuple[Answered | Refused, Row | None]
"""What came of a file, and the row of the log of it, where there is an answer."""


class PredictionService:
    """The model in service, behind a queue. It starts at once, and is ready once a model is loaded.

    Safe to use from many threads and event loops.
    """

    def __init__(
        self,
        objects: Objects,
        registry: Registry,
        side: int,
        home: Path,
        limits: ServiceLimits | None = None,
        source: ModelSource | None = None,
    ) -> None:
        """Make a service that is not started.

        Args:
            objects: the store: its ledger says which model is in service, its log takes the answers.
            registry: which has the model.
            side: of the store's canonical pixels.
            home: where the copy of the last good model lies, in the folder `serving`.
            limits: what it takes on at most.
            source: where the model comes from; of store and registry where it is left out.
        """
        self._side, self._limits = side, limits or ServiceLimits()
        self._metrics = ServiceMetrics(self.state, lambda: self._keeper.waiting)
        self._keeper = ChampionKeeper(
            source or StoreSource(objects, registry),
            KeptModel(home / "serving", objects.url),
            side,
            self._limits,
            self._metrics.count_batch,
        )
        self._recorder = Recorder(objects, self._limits, self._metrics.count_lost)
        self._decoders = ThreadPoolExecutor(self._limits.decoders, thread_name_prefix="xray-decode")
        self._counting = Lock()
        self._under_way = self._explaining = 0
        self._closed = False

    @property
    def metrics(self) -> CollectorRegistry:
        """Its figures, for Prometheus."""
        return self._metrics.registry

    def start(self) -> None:
        """Begin to load the model in service, in the background: nothing is waited for."""
        self._keeper.start()

    def close(self) -> None:
        """Let what is under way end, write the log, and stop: nothing can be asked any more."""
        with self._counting:
            again, self._closed = self._closed, True
        if again:
            return
        self._keeper.close()
        self._decoders.shutdown(cancel_futures=True)
        self._recorder.close()

    def state(self) -> ServiceState:
        """What it can do now; costs nothing."""
        return self._keeper.state()

    async def answer(
        self, files: Sequence[bytes], *, explain: bool = False, record: bool = True
    ) -> list[Answered | Refused]:
        """Answer to some files, in their order, all with one model.

        Args:
            files: PNG, JPEG or DICOM files, one image each.
            explain: whether a heat map comes with each answer.
            record: whether the answers go to the log that drift is found by: not those to drawn examples.

        Raises:
            NotReady: no model is loaded, or the service closes.
            Overloaded: too much waits, or the answer took too long. Ask again in a few seconds.
            InvalidInput: more files than are ever taken on at a time, or explained.
        """
        self._check_number(len(files), explain=explain)
        with self._metrics.request(), self._admit(len(files), explain=explain), self._keeper.hold() as loaded:
            model = loaded.model
            asked = [self._answer_one(data, loaded, model, explain=explain) for data in files]
            try:
                async with asyncio.timeout(self._limits.answer_seconds):
                    found = await asyncio.gather(*asked, return_exceptions=True)
            except TimeoutError as error:
                raise Overloaded(
                    f"the answer took longer than {self._limits.answer_seconds:g} seconds: ask again in a while"
                ) from error
            done = [_unless_failed(one) for one in found]
            if record:  # all of a request or nothing, for who is told to ask again sends all of it again
                for _, row in done:
                    if row is not None:
                        self._recorder.add(row)
            results = [result for result, _ in done]
            self._metrics.count_images(results)
            return results

    async def _answer_one(self, data: bytes, loaded: LoadedModel, model: ServedModel, *, explain: bool) -> _Done:
        decoding = asyncio.get_running_loop().run_in_executor(
            self._decoders, _read, data, self._side, self._keeper.bounds
        )
        read = await decoding
        if isinstance(read, Refused):
            return read, None
        image_id, pixels = read.image.image_id, read.image.pixels
        answer = await asyncio.wrap_future(loaded.answer(pixels))
        label = answer.predicted
        if label is None:
            return Refused(image_id, f"model v{model.version} makes no numbers of this image"), None
        heat: Heat | None = None
        if explain:
            heat = await asyncio.wrap_future(loaded.explain(pixels, label))
        prediction = read.describe_answer(model, label, _by_class(model, answer), strange=answer.strange)
        return Answered(prediction, model, pixels, heat), _log_row(read, answer, prediction, model)

    def _check_number(self, files: int, *, explain: bool) -> None:
        most = self._limits.explanations if explain else self._limits.waiting
        if files > most:
            told = "explained" if explain else "answered"
            raise InvalidInput(f"{files} images are more than are {told} at a time: send {most} or fewer")

    @contextmanager
    def _admit(self, images: int, *, explain: bool) -> Iterator[None]:
        explanations = images if explain else 0
        with self._counting:
            if self._under_way + images > self._limits.waiting:
                raise Overloaded(f"{self._under_way} images are being answered: ask again in a few seconds")
            if explain and self._explaining + images > self._limits.explanations:
                raise Overloaded(f"{self._explaining} images are being explained: ask again in a few seconds")
            self._under_way += images
            self._explaining += explanations
        try:
            yield
        finally:
            with self._counting:
                self._under_way -= images
                self._explaining -= explanations


def _unless_failed(found: _Done | BaseException) -> _Done:
    """What came of an image; all others of its request have ended too when its error is raised."""
    if isinstance(found, BaseException):
        raise found
    return found


def _read(data: bytes, side: int, bounds: Bounds) -> ReadImage | Refused:
    """What a decoding thread makes of a file; even the digest of a large one would hold the event loop up."""
    try:
        return read_image(data, side, bounds)
    except UnreadableImage as error:
        return Refused(hashlib.sha256(data).hexdigest(), str(error))


def _by_class(model: ServedModel, answer: ImageAnswer) -> dict[str, float]:
    return dict(zip(model.classes, answer.probabilities.tolist(), strict=True))


def _log_row(read: ReadImage, answer: ImageAnswer, prediction: Prediction, model: ServedModel) -> Row:
    return {
        "when": datetime.now(UTC),
        "image_id": prediction.image_id,
        "version": model.version,
        "run_id": model.run_id,
        "route": "service",
        "predicted": prediction.label,
        **{f"p_{label}": value for label, value in prediction.probabilities.items()},
        **dict(zip(EMBEDDING, answer.coordinates.tolist(), strict=False)),
        **read.facts(),
    }
