"""Promotion as a night does it: the ledger first, the registry after it, and no moment without a champion."""

import pytest
from prefect.logging import disable_run_logger

from storage import ledger
from storage.promotion import refuse_model
from storage.registry import Registry
from storage.store import Store
from tasks.promotion import find_standing, promote, was_decided
from tests.registering import begin_run, evaluation, training
from tests.storage.entries import decision
from tests.tasks.dying import act_here
from xray_model.config import GatePolicy, RetrainOptions
from xray_model.errors import DecisionOvertaken
from xray_model.outcomes import PromotionOutcome


def judge(registry: Registry, options: RetrainOptions, *, passes: bool = True) -> PromotionOutcome:
    """Promote, or not, a new model that was judged against the champion of this moment."""
    run_id = begin_run(registry)
    outcome: PromotionOutcome = promote.fn(
        decision(promote=passes), training(run_id), evaluation(run_id), find_standing.fn(), options
    )
    return outcome


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
