"""Promotion as a night does it: the ledger first, the registry after it, and no moment without a champion."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from storage import ledger
from storage.promotion import refuse_model
from storage.registry import Registry
from storage.store import Store
from tasks.promotion import find_standing, promote, was_decided
from tests.registering import begin_run, evaluation, training
from tests.storage.entries import decision
from tests.tasks.dying import act_here, run_killed
from xray_model.config import GatePolicy, RetrainOptions
from xray_model.errors import DecisionOvertaken
from xray_model.outcomes import PromotionOutcome

HOST = "127.0.0.1:8420"
KILLS = 30
FULL = (pytest.mark.slow, pytest.mark.timeout(1800))


def judge(registry: Registry, options: RetrainOptions, *, passes: bool = True) -> PromotionOutcome:
    """Promote, or not, a new model that was judged against the champion of this moment."""
    run_id = begin_run(registry)
    outcome: PromotionOutcome = promote.fn(
        decision(promote=passes), training(run_id), evaluation(run_id), find_standing.fn(), options
    )
    return outcome


def page_of(store: Store, home: Path) -> str:
    """What the console shows of the models to the owner of this machine."""
    console = ConsoleSettings(folder=home / "console", hosts=frozenset({HOST}), port=8420, owner="ada")
    answer = TestClient(create_app(console, store), base_url=f"http://{HOST}").get("/models")
    assert answer.status_code == 200
    return str(answer.text)


def test_what_passed_is_promoted_or_waits_as_the_policy_says(store: Store, registry: Registry) -> None:
    """The outcome tells the night whether the model is in service, waits for a steward, or was kept out."""
    alone, asked = RetrainOptions(), RetrainOptions(gate=GatePolicy(require_approval=True))
    first = judge(registry, alone)
    assert (first.champion_before, first.champion_after, first.awaits_approval) == (None, 7, False)
    second = judge(registry, asked)
    assert (second.champion_before, second.champion_after, second.awaits_approval) == (7, 7, True)
    assert second.decision.requires_approval
    third = judge(registry, asked, passes=False)
    assert (third.champion_after, third.awaits_approval) == (7, False)
    assert registry.aliases() == {"challenger": 8, "champion": 7}


def test_a_promotion_that_is_tried_again_does_what_is_left(store: Store, registry: Registry) -> None:
    """The same run is registered and decided on once, however often its task is started."""
    run_id = begin_run(registry)
    standing = find_standing.fn()
    given = (decision(), training(run_id), evaluation(), standing, RetrainOptions())
    assert promote.fn(*given) == promote.fn(*given)
    assert len(ledger.load_entries(store.objects)) == 1


def test_night_is_overtaken_by_an_approval(store: Store, registry: Registry) -> None:
    """A model that was judged while a steward put another in service is not promoted."""
    asked = RetrainOptions(gate=GatePolicy(require_approval=True))
    judge(registry, asked)
    standing, run_id = find_standing.fn(), begin_run(registry)
    act_here("approve")
    with pytest.raises(DecisionOvertaken, match="the next run judges again"):
        promote.fn(decision(), training(run_id), evaluation(), standing, asked)
    assert registry.aliases() == {"challenger": 7, "champion": 7}


def test_a_refusal_costs_a_night_nothing(store: Store, registry: Registry) -> None:
    """What a steward refuses while a model is trained changes no champion, so that its decision still holds."""
    judge(registry, RetrainOptions())
    judge(registry, RetrainOptions(gate=GatePolicy(require_approval=True)))
    standing, run_id = find_standing.fn(), begin_run(registry)
    refuse_model(store.objects, registry, 8, who="ada", why="no")
    outcome = promote.fn(decision(), training(run_id), evaluation(), standing, RetrainOptions())
    assert outcome.champion_after == 9


def test_model_gone_back_from_is_not_trained_again(store: Store, registry: Registry) -> None:
    """The next night on the same images and options trains nothing, and compares others with the former champion."""
    options = RetrainOptions()
    judge(registry, options)
    judge(registry, options)
    act_here("rollback")
    standing = find_standing.fn()
    assert standing.champion is not None
    assert standing.champion.version == 7
    entries = ledger.load_entries(store.objects)
    left = ledger.find_judged(entries, 8)
    assert left is not None
    assert was_decided.fn(left.snapshot_id, options)
    assert not was_decided.fn("another", options)


def test_a_night_goes_on_without_the_registry(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which model is in service is known from the ledger; aliases that do not follow lose no night."""
    judge(registry, RetrainOptions())
    monkeypatch.setenv("XRAY_REGISTRY", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with disable_run_logger():
        champion = find_standing.fn().champion
    assert champion is not None
    assert champion.version == 7


CI_STEPS = [("promote", 3), ("promote", 4), ("promote", 7), ("wait", 4), ("approve", 2), ("rollback", 5)]
BEFORE = {"approve": "wait", "rollback": "promote"}
"""What an act needs, of which the process that dies knows nothing."""
ALL_STEPS = [(act, step) for act in ("promote", "wait", "approve", "rollback") for step in range(10)]


@pytest.mark.parametrize("steps", [CI_STEPS, pytest.param(ALL_STEPS, marks=FULL)], ids=["few", "all"])
def test_killed_at_any_step(store: Store, registry: Registry, home: Path, steps: Sequence[tuple[str, int]]) -> None:
    """Killed before or after any step: the old or the new champion, never none; after a run all three agree."""
    act_here("promote")
    act_here("promote")
    killed = 0
    for act, step in steps:
        if act in BEFORE:
            act_here(BEFORE[act])
        old = ledger.load_entries(store.objects)
        died = run_killed(act, step)
        killed += died
        new = ledger.load_entries(store.objects)
        assert new[: len(old)] == old
        assert len(new) <= len(old) + 1
        in_registry = registry.aliases()["champion"]
        assert in_registry in {old[-1].champion_after, new[-1].champion_after}
        find_standing.fn()
        assert_agreed(store, registry, home)
        print(
            f"{act}, {'after' if step % 2 else 'before'} step {step // 2}: {'killed' if died else 'ended'}; "
            f"ledger v{old[-1].champion_after}, then v{new[-1].champion_after}, alias v{in_registry}"
        )
    print(f"{killed} kills")
    assert killed >= min(KILLS, len(steps))


def assert_agreed(store: Store, registry: Registry, home: Path) -> None:
    """Ledger, aliases and console name the same models."""
    entries = ledger.load_entries(store.objects)
    line, waiting = ledger.champion_line(entries), ledger.find_waiting(entries)
    judged = [entry.version for entry in entries if isinstance(entry, ledger.GateEntry)]
    challenger = judged[-1] if waiting is None else waiting.version
    assert registry.aliases() == {"challenger": challenger, "previous": line[-2], "champion": line[-1]}
    page = page_of(store, home)
    assert f"v{line[-1]}</a> is in service since" in page
    assert ("waits for approval" in page) == (waiting is not None)
