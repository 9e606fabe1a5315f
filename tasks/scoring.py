"""Scoring: the images below a folder or prefix, answered shard by shard by one model."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock

import pyarrow as pa

from storage.bounds import load_bounds
from storage.registry import Registry
from storage.scoring.answering import Answerer, open_answerer
from storage.scoring.images import FoundImages, Images, find_images
from storage.scoring.models import choose_model, publish_model, published_model
from storage.scoring.parts import Scoring, find_missing, load_parts, save_part
from storage.scoring.recording import build_part, log_part
from storage.scoring.table import Tally, check_out, write_table
from storage.settings import Settings
from storage.sights import find_sight
from storage.store import Store, open_store, open_store_of
from tasks.skin import stage_task
from xray_model.config import ScoreOptions
from xray_model.errors import ObjectNotFound
from xray_model.evaluation.sight import Sight
from xray_model.evaluation.strangeness import UNCHECKED
from xray_model.outcomes import ScoreOutcome, WarnedImages
from xray_model.progress import advance

_LOADING = Lock()
"""Held while a model is loaded, so that the threads of one process load it once."""


class ScoringPlan:
    """What is to be done. No dataclass, as `Images` is none: Prefect would look at every name."""

    def __init__(self, scoring: Scoring, found: FoundImages, missing: Sequence[int]) -> None:
        self.scoring, self.found, self.missing = scoring, found, missing

    def images_of(self, shard: int) -> Images:
        """The images of one shard."""
        size = self.scoring.shard_size
        return self.found.images.part(shard * size, size)


@stage_task("plan-scoring")
def plan_scoring(options: ScoreOptions) -> ScoringPlan:
    """Find the model and the images, and which shards of them nobody has answered yet.

    Raises:
        InvalidInput: there is no such model, folder or image, or the table cannot be written where it is to be.
        RegistryUnavailable: the registry does not answer.
    """
    check_out(options.out)
    settings = Settings()
    objects, registry = open_store(settings).objects, Registry(settings)
    model = choose_model(objects, registry, options.version)
    found = find_images(options.images)
    sight = find_sight(objects, model)
    scoring = Scoring(
        images_digest=found.digest,
        images=len(found.images),
        shard_size=options.shard_size,
        model=model,
        bounds=tuple(load_bounds(objects).bounds.values()),
        has_axes=sight.axes is not None,
        has_strangeness=sight.strangeness is not None,
    )
    missing = find_missing(objects, scoring)
    if missing:
        publish_model(objects, registry, model)
    return ScoringPlan(scoring, found, missing)


@stage_task("score-shard")
def score_shard(scoring: Scoring, shard: int, images: Images, store_url: str) -> None:
    """Answer the images of one shard, and keep the answers in the store.

    Raises:
        ConfigurationError: it runs on a machine whose store is another than the flow's.
        InvalidInput: the folder of the images is not on this machine.
        StoreUnavailable: the store or the bucket of the images does not answer.
    """
    store = open_store_of(Settings(), store_url)
    answers = _answerer(store, scoring).answer(images.read())
    part = build_part(answers, scoring.model.classes, images.first, datetime.now(UTC))
    save_part(store.objects, scoring, shard, part)


@stage_task("write-predictions")
def write_predictions(plan: ScoringPlan, options: ScoreOptions) -> ScoreOutcome:
    """Write the user's table, and add what is in it to the log of predictions."""
    objects, scoring = open_store(Settings()).objects, plan.scoring

    def parts_in_turn() -> Iterator[pa.Table]:
        for shard, part in enumerate(load_parts(objects, scoring)):
            if options.log:
                log_part(objects, scoring, shard, part)
            advance("write the table", shard + 1, scoring.shards)
            yield part

    tally = write_table(options.out, plan.found.images.printable_names(), parts_in_turn(), scoring.model)
    return _describe(plan, tally)


def _describe(plan: ScoringPlan, tally: Tally) -> ScoreOutcome:
    size, images = plan.scoring.shard_size, plan.scoring.images
    return ScoreOutcome(
        model=plan.scoring.model,
        images=tally.images,
        answered_now=sum(min(size, images - shard * size) for shard in plan.missing),
        labels={label: tally.labels[label] for label in plan.scoring.model.classes},
        refused=dict(tally.refused.most_common()),
        warned=tuple(WarnedImages(warning=tally.warnings[code], images=n) for code, n in tally.warned.most_common()),
        passed_over=plan.found.passed_over,
        unchecked=None if plan.scoring.has_strangeness else UNCHECKED,
    )


def _answerer(store: Store, scoring: Scoring) -> Answerer:
    # Apart from the task, which goes to the worker by value with all that it names: no lock can.
    with _LOADING:
        return _load_answerer(store, scoring)


@lru_cache(maxsize=1)
def _load_answerer(store: Store, scoring: Scoring) -> Answerer:
    # What came to be known meanwhile is left out, so that all answers are checked alike.
    objects, model = store.objects, scoring.model
    found = find_sight(objects, model)
    sight = Sight(found.axes if scoring.has_axes else None, found.strangeness if scoring.has_strangeness else None)
    if (sight.axes is not None, sight.strangeness is not None) != (scoring.has_axes, scoring.has_strangeness):
        raise ObjectNotFound(f"what model v{model.version} was judged by was removed meanwhile: begin again")
    with published_model(objects, model) as path:
        return open_answerer(model, path, scoring.bounds, sight)
