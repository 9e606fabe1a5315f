"""A process that changes which model is in service, and is killed at one of its steps.

A step is what lasts: making a version, writing an entry of the ledger, moving an alias, and each part of a card.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mlflow import MlflowClient

from storage import promotion, reports
from storage.ledger import find_waiting, load_entries
from storage.objects import Objects
from storage.registry import Registry
from storage.reports import models
from storage.settings import Settings
from storage.snapshots import snapshot_key
from storage.store import open_store
from tasks import reporting
from tasks.promotion import Standing, find_standing, promote
from tests.registering import begin_run, evaluation, training
from tests.storage.entries import decision
from tests.storage.reports.carding import judged_retrain, make_examples
from tests.xray_model.evaluation.evaluations import probed_table
from xray_model.config import GatePolicy, RetrainOptions

_ROOT = str(Path(__file__).resolve().parents[2])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)  # pytest imports this module without it; a new process takes this path over and needs it

_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.tasks.dying"])
_LONGEST_SECONDS = 120.0

_STEPS = (
    (MlflowClient, "create_registered_model"),
    (MlflowClient, "create_model_version"),
    (promotion, "append_entry"),
    (MlflowClient, "set_registered_model_alias"),
    (reporting, "load_predictions"),
    (Registry, "record_card"),
    (models, "write_drawings"),
    (models, "write_examples"),
    (models, "render_page"),
    (reports, "write_index"),
)


def run_killed(act: str, step: int) -> bool:
    """Do an act in a process of its own, and kill that by SIGKILL before (even) or after (odd) its step `step // 2`.

    Returns:
        True where it was killed; False where the act has no such step, and was done.
    """
    process = _PROCESSES.Process(target=_act, args=(dict(os.environ), act, step))
    process.start()
    process.join(_LONGEST_SECONDS)
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode != 0


def act_here(act: str) -> None:
    """Promote a new model, with its card or without, let one wait, approve the one that waits, or go back."""
    settings = Settings()
    objects, registry = open_store(settings).objects, Registry(settings)
    if act == "approve":
        waiting = find_waiting(load_entries(objects))
        assert waiting is not None
        promotion.approve_model(objects, registry, waiting.version, who="ada", why="good")
    elif act == "rollback":
        before = promotion.previous_champion(load_entries(objects))
        promotion.roll_back(objects, registry, before, who="ada", why="bad")
    elif act == "card":
        promote_with_card(objects, registry)
    else:
        options = RetrainOptions(gate=GatePolicy(require_approval=act == "wait"))
        run_id = begin_run(registry)
        standing: Standing = find_standing.fn()
        promote.fn(decision(), training(run_id), evaluation(run_id), standing, options)


def promote_with_card(objects: Objects, registry: Registry) -> None:
    """Promote a new model as a retraining does it, from what is kept of it to its page."""
    judged = judged_retrain()
    assert judged.training is not None
    assert judged.challenger is not None
    table, trained = probed_table(), judged.training.model_copy(update={"run_id": begin_run(registry)})
    for key in (judged.challenger.predictions_key, snapshot_key(judged.challenger.snapshot_id)):
        objects.put(key, table.assign(split="train").to_parquet())
    outcome = judged.model_copy(update={"training": trained, "promotion": None})
    reporting.keep_retraining.fn(outcome)
    done = promote.fn(decision(), trained, judged.challenger, find_standing.fn(), RetrainOptions())
    with _some_examples():
        reporting.write_model_report.fn(outcome.model_copy(update={"promotion": done}))


def begin_next_run() -> int:
    """What a retraining does before it trains; gives how many pages it wrote."""
    find_standing.fn()
    untold = reporting.find_untold_models.fn()
    with _some_examples():
        for outcome in untold:
            reporting.write_model_report.fn(outcome)
    return len(untold)


def _some_examples() -> AbstractContextManager[object]:
    """Examples of a model that nothing can load."""
    return patch.object(reporting, "find_examples", lambda *_: make_examples(4))


def _act(environment: Mapping[str, str], act: str, step: int) -> None:
    os.environ.clear()
    os.environ.update(environment)
    steps = 0

    def mortal(work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def done(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            for after in (False, True):
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                steps += 1
                if not after:
                    result = work(*args, **kwargs)
            return result

        return done

    for owner, name in _STEPS:
        setattr(owner, name, mortal(getattr(owner, name)))
    act_here(act)
