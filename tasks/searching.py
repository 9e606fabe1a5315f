"""Hyper-parameter search: which options a training does best with, judged on its own validation patients alone.

Nested cross-validation (Varma and Simon 2006): what a search may see is what its `score` trains and validates on, so
that the test patients of a fold judge a choice that they had no part in.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import numpy as np
from pydantic import ValidationError

from storage.health import without_password
from xray_model.config import Search, SearchRange, TrainingOptions
from xray_model.errors import ConfigurationError, InvalidInput, StoreUnavailable
from xray_model.progress import advance

if TYPE_CHECKING:
    import optuna

OnEpoch = Callable[[int, float], None]
"""Takes an epoch, from 1, and its validation minority F1; raises where the training is not worth going on with."""
Value: TypeAlias = str | float | int | bool
"""Of an option."""
_FIRST_WHOLE = 5
"""Trials that are never ended early, so that there are medians."""
_FIRST_EPOCHS = 3
"""Before this epoch no trial is ended: the first say little, and may not know the minority class at all."""
_WAIT_SECONDS = 60
"""For others who write to one SQLite file."""


class Searched(NamedTuple):
    """What a search came to."""

    options: TrainingOptions
    """The base with what was chosen."""
    chosen: dict[str, Value]
    """By option."""
    trials: int
    """That ended, early or not."""
    pruned: int
    """Of these, early."""


def search_options(
    study_name: str,
    search: Search,
    base: TrainingOptions,
    score: Callable[[TrainingOptions, OnEpoch], float],
    storage_url: str,
) -> Searched:
    """Try options until `search.trials` trials have ended, and take the best (tree-structured Parzen estimator).

    A trial is ended early when the best epoch it had lies below the median of the trials before it at the same epoch.
    A study goes on where it stopped: what was trying when a process died counts as failed and is tried again, and as
    every trial draws from random numbers of its own place, a study that was killed comes to what an unbroken one does.
    One process at a time may work on a study.

    Args:
        study_name: under which the trials are kept.
        search: where to search, and how long.
        base: all options; its seed is that of the search.
        score: trains with some options, tells of each epoch, and gives the validation minority F1 of what it kept.
        storage_url: database of all studies (SQLAlchemy).

    Raises:
        ConfigurationError: an option that is searched does not exist, or does not take a value of its range.
        InvalidInput: a score is not a number.
        StoreUnavailable: the database cannot be used.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _studies(storage_url) as storage:
        pruner = optuna.pruners.MedianPruner(_FIRST_WHOLE, _FIRST_EPOCHS)
        study = optuna.create_study(
            storage=storage, study_name=study_name, direction="maximize", pruner=pruner, load_if_exists=True
        )
        for left in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
            study.tell(left.number, state=optuna.trial.TrialState.FAIL)
        while (place := len(_ended(study))) < search.trials:
            seed = np.random.SeedSequence([base.seed, place]).generate_state(1)[0]
            study.sampler = optuna.samplers.TPESampler(seed=int(seed))
            _try(study, search, base, score)
            advance(f"search {study_name}", place + 1, search.trials)
        ended = _ended(study)
        pruned = sum(trial.state is optuna.trial.TrialState.PRUNED for trial in ended)
        chosen = dict(study.best_params)
    return Searched(_choose(base, chosen), chosen, len(ended), pruned)


@contextmanager
def _studies(url: str) -> Iterator["optuna.storages.RDBStorage"]:
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    waiting = {"connect_args": {"timeout": _WAIT_SECONDS}} if url.startswith("sqlite:") else {}
    storage: RDBStorage | None = None
    try:
        storage = RDBStorage(url, engine_kwargs=waiting)
        yield storage
    except (SQLAlchemyError, StorageInternalError) as error:
        raise StoreUnavailable(
            f"the studies at {without_password(url)} cannot be used ({type(error).__name__}): see that XRAY_STUDIES "
            "names a database that this machine reaches"
        ) from error
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


def _ended(study: "optuna.Study") -> list["optuna.trial.FrozenTrial"]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED])


def _try(
    study: "optuna.Study", search: Search, base: TrainingOptions, score: Callable[[TrainingOptions, OnEpoch], float]
) -> None:
    import optuna

    trial = study.ask()
    options = _choose(base, {each.option: _suggest(trial, each) for each in search.ranges})

    def report(epoch: int, value: float) -> None:
        trial.report(value, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        value = score(options, report)
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        if math.isnan(value):
            raise InvalidInput(
                f"trial {trial.number} of {study.study_name} has no score: a score is a number, 0 at worst"
            )
        study.tell(trial, value)


def _suggest(trial: "optuna.Trial", where: SearchRange) -> Value:
    if where.low is None or where.high is None:
        return cast("Value", trial.suggest_categorical(where.option, where.choices))
    if where.whole:
        return trial.suggest_int(where.option, round(where.low), round(where.high), log=where.log)
    return trial.suggest_float(where.option, where.low, where.high, log=where.log)


def _choose(base: TrainingOptions, chosen: Mapping[str, Value]) -> TrainingOptions:
    """The base with other values; `augmentation.rotation` is a field of a field.

    Raises:
        ConfigurationError: there is no such option, or it does not take the value.
    """
    values: dict[str, Any] = base.model_dump()
    for option, value in chosen.items():
        group, _, field = option.rpartition(".")
        if group:
            fields = values.get(group)
            values[group] = {**(fields if isinstance(fields, dict) else {}), field: value}
        else:
            values[field] = value
    try:
        return TrainingOptions.model_validate(values)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ConfigurationError(f"a search chose what no training takes ({told}): mend its ranges") from error
