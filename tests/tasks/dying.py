"""A process that changes which model is in service, and is killed at one of its steps.

A step is what lasts: registering a version, writing an entry of the ledger, moving an alias.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from storage import promotion
from storage.ledger import find_waiting, load_entries
from storage.registry import Registry
from storage.settings import Settings
from storage.store import open_store
from tasks.promotion import Standing, find_standing, promote
from tests.registering import begin_run, evaluation, training
from tests.storage.entries import decision
from xray_model.config import GatePolicy, RetrainOptions

_ROOT = str(Path(__file__).resolve().parents[2])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)  # pytest imports this module without it; a new process takes this path over and needs it

_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.tasks.dying"])
_LONGEST_SECONDS = 120.0

ACTS = ("promote", "wait", "approve", "rollback")


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
    """Promote a new model, let one wait, approve the one that waits, or go back to the champion before."""
    settings = Settings()
    objects, registry = open_store(settings).objects, Registry(settings)
    if act == "approve":
        waiting = find_waiting(load_entries(objects))
        assert waiting is not None
        promotion.approve_model(objects, registry, waiting.version, who="ada", why="good")
    elif act == "rollback":
        before = promotion.previous_champion(load_entries(objects))
        promotion.roll_back(objects, registry, before, who="ada", why="bad")
    else:
        options = RetrainOptions(gate=GatePolicy(require_approval=act == "wait"))
        run_id = begin_run(registry)
        standing: Standing = find_standing.fn()
        promote.fn(decision(), training(run_id), evaluation(run_id), standing, options)


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

    for owner, name in (
        (Registry, "register"),
        (promotion, "append_entry"),
        (MlflowClient, "set_registered_model_alias"),
    ):
        setattr(owner, name, mortal(getattr(owner, name)))
    act_here(act)
