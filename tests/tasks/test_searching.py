"""A search: finds what is best, ends what is hopeless, and goes on after a kill as if there had been none."""

import math
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from storage.settings import Settings
from tasks.searching import OnEpoch, Searched, search_options
from xray_model.config import Augmentation, Search, SearchRange, TrainingOptions
from xray_model.errors import ConfigurationError, InvalidInput, StoreUnavailable

BASE = TrainingOptions(epochs=4)
SEARCH = Search(
    trials=8,
    ranges=(
        SearchRange(option="dropout", low=0.0, high=0.9),
        SearchRange(option="learning_rate", low=1e-5, high=1e-1, log=True),
        SearchRange(option="rebalancing", choices=("none", "oversample", "smote")),
    ),
)
Score = Callable[[TrainingOptions, OnEpoch], float]


def planted(options: TrainingOptions, on_epoch: OnEpoch) -> float:
    """A training that does best with a dropout of .3, a rate of .001 and SMOTE, and as well in its last epoch."""
    rate = options.learning_rate or 0.0
    far = abs(options.dropout - 0.3) + math.sqrt(abs(rate - 1e-3)) + 0.2 * (options.rebalancing != "smote")
    for epoch in range(1, options.epochs + 1):
        on_epoch(epoch, (1 - far) * epoch / options.epochs)
    return 1 - far


def search(
    url: str, score: Score = planted, which: Search = SEARCH, name: str = "c/vgg16/0", seed: int = 20
) -> Searched:
    """A search of the study `name`."""
    return search_options(name, which, BASE.model_copy(update={"seed": seed}), score, url)


@pytest.fixture(scope="module")
def make_url() -> Iterator[Callable[[], str]]:
    """New databases of studies, in memory: a file is flushed with every epoch."""
    with ExitStack() as opened:

        def make() -> str:
            name = f"file:studies-{uuid4().hex}?mode=memory&cache=shared"
            opened.enter_context(closing(sqlite3.connect(name, uri=True)))
            return f"sqlite:///{name}&uri=true"

        yield make


@pytest.fixture
def url(make_url: Callable[[], str]) -> str:
    """An empty database of studies."""
    return make_url()


@pytest.fixture(scope="module")
def long_search(make_url: Callable[[], str]) -> tuple[Searched, list[int]]:
    """What 30 trials found, and the last epoch of each."""
    last: list[int] = []

    def counted(options: TrainingOptions, on_epoch: OnEpoch) -> float:
        last.append(0)

        def count(epoch: int, value: float) -> None:
            last[-1] = epoch
            on_epoch(epoch, value)

        return planted(options, count)

    return search(make_url(), counted, SEARCH.model_copy(update={"trials": 30})), last


def test_finds_a_planted_optimum(long_search: tuple[Searched, list[int]]) -> None:
    """Of 30 trials the best comes near the options that were made the best, and only those searched are changed."""
    found, _ = long_search
    assert found.trials == 30
    assert found.options.rebalancing == "smote"
    assert abs(found.options.dropout - 0.3) < 0.1
    assert found.options.learning_rate is not None
    assert found.options.learning_rate < 0.01
    assert found.chosen.keys() == {"dropout", "learning_rate", "rebalancing"}
    assert found.options == BASE.model_copy(update=found.chosen)


def test_hopeless_trials_end_early(long_search: tuple[Searched, list[int]]) -> None:
    """Trials below the median are ended after the first epochs, but never one of the first five."""
    found, last = long_search
    ended = [number for number, epoch in enumerate(last) if epoch < BASE.epochs]
    assert found.pruned == len(ended) >= 5
    assert min(ended) >= 5
    assert min(last) >= 3


def test_same_seed_same_search(make_url: Callable[[], str]) -> None:
    """Two studies of one seed choose the same, another seed another."""
    first, again, other = (search(make_url(), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.chosen != other.chosen


def _die_in_trial(url: str, trial: int) -> None:
    """Search, and be killed in the middle of a trial, counted from 0."""
    begun = 0

    def dying(options: TrainingOptions, on_epoch: OnEpoch) -> float:
        nonlocal begun
        begun += 1
        if begun > trial:
            on_epoch(1, 0.99)
            os.kill(os.getpid(), signal.SIGKILL)
        return planted(options, on_epoch)

    search(url, dying)


@pytest.mark.parametrize("trials", [(0,), (2, 3)])
def test_killed_study_goes_on(url: str, tmp_path: Path, trials: tuple[int, ...]) -> None:
    """A search that is killed keeps what it had, fills up the number, and comes to what an unbroken one does."""
    killed = f"sqlite:///{tmp_path / 'studies.db'}"
    for trial in trials:
        process = multiprocessing.get_context("fork").Process(target=_die_in_trial, args=(killed, trial))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    tried = 0

    def counted(options: TrainingOptions, on_epoch: OnEpoch) -> float:
        nonlocal tried
        tried += 1
        return planted(options, on_epoch)

    found = search(killed, counted)
    assert tried == SEARCH.trials - sum(trials)
    assert found.trials == SEARCH.trials
    assert found == search(url)


def test_finished_study_is_only_read(url: str) -> None:
    """A search that has its trials tries none again, and a longer one adds what is missing."""

    def never(options: TrainingOptions, on_epoch: OnEpoch) -> float:
        raise AssertionError("nothing is left to try")

    few = SEARCH.model_copy(update={"trials": 3})
    assert search(url, which=few) == search(url, never, few)
    assert search(url, which=SEARCH.model_copy(update={"trials": 4})).trials == 4


def test_studies_do_not_see_each_other(url: str) -> None:
    """Two folds in one database search each for itself."""
    few = SEARCH.model_copy(update={"trials": 2})
    first = search(url, which=few)
    second = search(url, which=few, name="c/vgg16/1", seed=21)
    assert second.trials == 2
    assert second.chosen != first.chosen


def test_an_error_of_a_training_is_not_swallowed(url: str) -> None:
    """What a training raises ends the search, which then goes on from there."""
    begun = 0

    def failing(options: TrainingOptions, on_epoch: OnEpoch) -> float:
        nonlocal begun
        begun += 1
        if begun == 2:
            raise ConfigurationError("too few images for smote")
        return planted(options, on_epoch)

    few = SEARCH.model_copy(update={"trials": 3})
    with pytest.raises(ConfigurationError, match="too few images"):
        search(url, failing, few)
    assert search(url, failing, few).trials == 3
    assert begun == 4


def test_every_kind_of_range(url: str) -> None:
    """Whole numbers stay whole, a field of a field is reached, and the rest of it is kept."""
    seen: list[TrainingOptions] = []

    def note(options: TrainingOptions, on_epoch: OnEpoch) -> float:
        seen.append(options)
        return 0.5

    ranges = (
        SearchRange(option="hidden_units", low=16, high=512, log=True, whole=True),
        SearchRange(option="augmentation.rotation", low=0, high=20),
        SearchRange(option="decision_threshold", choices=(True, False)),
    )
    search(url, note, Search(trials=6, ranges=ranges))
    assert all(16 <= (each.hidden_units or 0) <= 512 for each in seen)
    assert len({each.augmentation.rotation for each in seen}) == 6
    assert {each.decision_threshold for each in seen} == {True, False}
    assert {each.augmentation.model_copy(update={"rotation": 7.0}) for each in seen} == {Augmentation()}


@pytest.mark.parametrize(
    "wrong",
    [
        {"option": "droput", "low": 0, "high": 0.5},
        {"option": "dropout.deep", "low": 0, "high": 0.5},
        {"option": "augmentation.tilt", "low": 0, "high": 5},
        {"option": "dropout", "low": 1.5, "high": 2.5},
        {"option": "rebalancing", "choices": ("by magic", "by hand")},
    ],
)
def test_what_no_training_takes_is_refused(url: str, wrong: dict[str, Any]) -> None:
    """A range of an unknown option, or of values it does not take, says which it is, and nothing is trained."""
    with pytest.raises(ConfigurationError, match=wrong["option"].split(".")[0]):
        search(url, which=Search(trials=3, ranges=(SearchRange(**wrong),)))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted by /proc")
def test_a_search_leaves_no_connection_open(tmp_path: Path) -> None:
    """A comparison has a search for each fold and seed, and a database server few connections to give."""
    database = tmp_path / "studies.db"
    search(f"sqlite:///{database}", which=SEARCH.model_copy(update={"trials": 1}))
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert database not in links


def test_score_that_is_no_number_is_refused(url: str) -> None:
    """A score of NaN ends the search with a reason, instead of being tried for ever."""
    with pytest.raises(InvalidInput, match="no score"):
        search(url, lambda _options, _on_epoch: math.nan)


@pytest.mark.parametrize("wrong", ["sqlite:////dev/null/studies.db", "postgresql://me:secret@127.0.0.1:9/studies", "x"])
def test_database_that_cannot_be_used(wrong: str) -> None:
    """A database that is not there is named, with what to set, and without its password."""
    with pytest.raises(StoreUnavailable, match="XRAY_STUDIES") as refusal:
        search(wrong)
    assert "secret" not in str(refusal.value)


def test_studies_lie_in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without XRAY_STUDIES they are a SQLite file in the home; what it names comes before that."""
    assert Settings().studies_url == f"sqlite:///{home.resolve() / 'studies.db'}"
    monkeypatch.setenv("XRAY_STUDIES", "postgresql://db/studies")
    assert Settings().studies_url == "postgresql://db/studies"
