"""Who may change which model is in service: the gate, and a steward; and the registry that follows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from storage import promotion
from storage.aliases import find_run, follow_ledger
from storage.ledger import LedgerEntry, StewardEntry, append_entry, champion_of, find_waiting, load_entries
from storage.objects import Objects
from storage.promotion import (
    Recorded,
    approve_model,
    previous_champion,
    record_judgement,
    refuse_model,
    roll_back,
)
from storage.registry import MODEL_FILE, Registry
from storage.settings import Settings
from storage.store import Store
from tests.registering import begin_run, evaluation
from tests.storage.entries import WAITING, gate, judgement, steward, write_ledger
from xray_model.errors import ConfigurationError, DecisionOvertaken, InvalidInput, ObjectNotFound, RegistryUnavailable


def in_service(store: Store) -> int | None:
    """By the ledger."""
    champion = champion_of(load_entries(store.objects))
    return None if champion is None else champion.version


def test_the_gate_promotes_refuses_or_leaves_to_a_steward(store: Store) -> None:
    """What passed is in service at once, or waits where that was asked for; what did not pass changes nothing."""
    record_judgement(store.objects, judgement(1, promote=False), None)
    assert in_service(store) is None
    record_judgement(store.objects, judgement(2), None)
    assert in_service(store) == 2
    record_judgement(store.objects, judgement(3, approval=True), 2)
    record_judgement(store.objects, judgement(4, promote=False, approval=True), 2)
    assert in_service(store) == 2
    entries = load_entries(store.objects)
    waiting = find_waiting(entries)
    assert waiting is not None
    assert waiting.version == 3
    assert [entry.number for entry in entries] == [0, 1, 2, 3]
    times = [entry.decided for entry in entries]
    assert times == sorted(set(times))


def test_a_judgement_is_recorded_once(store: Store) -> None:
    """A task that is tried again finds what it recorded, and is not overtaken by itself."""
    first = record_judgement(store.objects, judgement(1), None)
    again = record_judgement(store.objects, judgement(1), None)
    assert (first.new, again.new) == (True, False)
    assert again.entry == first.entry
    assert len(load_entries(store.objects)) == 1


def test_a_judgement_against_a_model_that_left_service_is_overtaken(store: Store) -> None:
    """A challenger is never put in place of a model that it was not compared with, and is told which one that is."""
    record_judgement(store.objects, judgement(1), None)
    with pytest.raises(DecisionOvertaken, match=r"v1 came into service while v2 was judged against no champion"):
        record_judgement(store.objects, judgement(2), None)
    record_judgement(store.objects, judgement(3, promote=False), 1)
    record_judgement(store.objects, judgement(4), 1)
    assert in_service(store) == 4


def test_a_steward_approves(store: Store, registry: Registry) -> None:
    """The model is in service, its aliases follow, and the ledger says who and why; twice is once."""
    write_ledger(store.objects, *WAITING)
    recorded = approve_model(store.objects, registry, 3, who="  ada ", why="the figures\nconvince")
    entry = recorded.entry
    assert (entry.who, entry.why, entry.judged) == ("ada", "the figures convince", 2)
    assert (entry.champion_before, entry.champion_after) == (2, 3)
    assert registry.aliases() == {"challenger": 3, "previous": 2, "champion": 3}
    again = approve_model(store.objects, registry, 3, who="ada", why="the figures convince")
    assert not again.new
    assert len(load_entries(store.objects)) == 4


def test_a_steward_refuses(store: Store, registry: Registry) -> None:
    """The champion stays, and what was refused cannot be approved afterwards; the refusal says by whom."""
    write_ledger(store.objects, *WAITING)
    refuse_model(store.objects, registry, 3, who="ada", why="seen")
    assert in_service(store) == 2
    assert registry.aliases() == {"challenger": 3, "previous": 1, "champion": 2}
    with pytest.raises(DecisionOvertaken, match=r"v3 waits no more: ada refused v3 at .* UTC \(seen\)"):
        approve_model(store.objects, registry, 3, who="bob", why="but")


@pytest.mark.parametrize(
    ("later", "version", "error", "words"),
    [
        ([], 9, InvalidInput, "there is no model v9"),
        ([], 2, InvalidInput, "v2 was promoted by the gate alone"),
        ([gate(3, 4, 2, promote=False)], 4, InvalidInput, "v4 did not pass the gate"),
        ([gate(3, 4, 2, approval=True)], 3, DecisionOvertaken, "v4 passed the gate after it, and waits in its place"),
        ([gate(3, 4, 2)], 3, DecisionOvertaken, "v4 came into service since, and it was never compared with that"),
        ([steward(3, "rollback", 1, 2)], 3, DecisionOvertaken, "ada went back from v2 to v1 at"),
        ([steward(3, "approval", 3, 2)], 3, DecisionOvertaken, "ada approved v3 at"),
    ],
)
@pytest.mark.parametrize("act", [approve_model, refuse_model])
def test_what_does_not_wait_is_not_decided(
    store: Store,
    registry: Registry,
    act: Callable[..., Recorded[StewardEntry]],
    later: list[LedgerEntry],
    version: int,
    error: type[Exception],
    words: str,
) -> None:
    """The refusal says why it does not wait, and nothing is written."""
    write_ledger(store.objects, *WAITING, *later)
    with pytest.raises(error, match=words):
        act(store.objects, registry, version, who="bob", why="late")
    assert load_entries(store.objects) == [*WAITING, *later]


def test_rollback_and_what_follows(store: Store, registry: Registry) -> None:
    """The former model is in service, the next challenger is judged against it, and going back again goes further."""
    write_ledger(store.objects, gate(0, 1), gate(1, 2, 1), gate(2, 3, 2))
    assert previous_champion(load_entries(store.objects)) == 2
    roll_back(store.objects, registry, 2, who="ada", why="seen")
    assert in_service(store) == 2
    assert registry.aliases() == {"challenger": 3, "previous": 1, "champion": 2}
    assert previous_champion(load_entries(store.objects)) == 1
    with pytest.raises(DecisionOvertaken, match="v2 came into service while v4 was judged against v3"):
        record_judgement(store.objects, judgement(4), 3)
    roll_back(store.objects, registry, 1, who="ada", why="seen")
    assert registry.aliases() == {"challenger": 3, "champion": 1}
    with pytest.raises(InvalidInput, match="no model was in service before v1"):
        previous_champion(load_entries(store.objects))
    roll_back(store.objects, registry, 3, who="ada", why="seen")
    assert in_service(store) == 3


@pytest.mark.parametrize(
    ("to", "seen", "error", "words"),
    [
        (3, None, InvalidInput, "v3 never was in service; those that were: v1, v2"),
        (2, None, InvalidInput, "v2 is in service already"),
        (9, None, InvalidInput, "there is no model v9"),
        (1, 1, DecisionOvertaken, "v2 came into service since you looked"),
    ],
)
def test_rollback_to_what_is_no_way_back(
    store: Store, registry: Registry, to: int, seen: int | None, error: type[Exception], words: str
) -> None:
    """Only a model that was in service can be again, and only by somebody who saw which one is; nothing is written."""
    write_ledger(store.objects, *WAITING)
    with pytest.raises(error, match=words):
        roll_back(store.objects, registry, to, who="ada", why="seen", instead_of=seen)
    assert load_entries(store.objects) == WAITING


def test_nothing_to_go_back_from(store: Store) -> None:
    """Before the first promotion there is no rollback."""
    with pytest.raises(InvalidInput, match="no model is in service"):
        previous_champion([])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"why": " \n"}, "why: must not be blank"),
        ({"why": "x" * 2001}, "why: String should have at most 2000"),
        ({"why": "a\x1b[31m"}, "why: holds a control character"),
        ({"who": ""}, "who: must not be blank"),
        ({"who": " The gate"}, "'The gate' is no person"),
    ],
)
def test_a_decision_needs_a_name_and_a_reason(
    store: Store, registry: Registry, fields: dict[str, str], words: str
) -> None:
    """Without them nothing is decided."""
    write_ledger(store.objects, *WAITING)
    given = {"who": "ada", "why": "seen"} | fields
    with pytest.raises(InvalidInput, match=words):
        approve_model(store.objects, registry, 3, **given)
    assert load_entries(store.objects) == WAITING


def test_a_model_that_is_gone_is_not_put_in_service(store: Store, registry: Registry) -> None:
    """Where MLflow no longer has the version, the ledger does not name it champion."""
    registry._client().delete_model_version("xray", "1")
    write_ledger(store.objects, *WAITING)
    with pytest.raises(ObjectNotFound, match="version=1"):
        roll_back(store.objects, registry, 1, who="ada", why="seen")
    assert in_service(store) == 2


@pytest.mark.parametrize("lost", ["run", "file"])
def test_a_model_without_its_file_is_not_put_in_service(store: Store, registry: Registry, lost: str) -> None:
    """A version alone is no model: its run must be there, and the file in it."""
    client, run_id = registry._client(), begin_run(registry)
    version = registry.register(run_id, evaluation())
    entry = gate(3, version, 2, approval=True)
    write_ledger(store.objects, *WAITING, entry)
    if lost == "run":
        client.delete_run(run_id)
    else:
        LocalArtifactRepository(client.get_run(run_id).info.artifact_uri).delete_artifacts(MODEL_FILE)
    with pytest.raises(ObjectNotFound, match=f"{run_id} was deleted, or holds no {MODEL_FILE}"):
        approve_model(store.objects, registry, version, who="ada", why="seen")
    assert load_entries(store.objects) == [*WAITING, entry]


def test_numbers_that_begin_again_are_noticed(store: Store, registry: Registry) -> None:
    """With another MLflow v1 is another model: it gets no decision, no alias, and is not put in service."""
    record_judgement(store.objects, judgement(1, run_id="lost"), None)
    record_judgement(store.objects, judgement(2, run_id=registry.run_of(2)), 1)
    entries = load_entries(store.objects)
    other = "this is not the registry that the ledger was written with"
    with pytest.raises(ConfigurationError, match=other):
        record_judgement(store.objects, judgement(1, run_id=registry.run_of(1)), 2)
    with pytest.raises(ConfigurationError, match=other):
        follow_ledger(store.objects, registry)
    with pytest.raises(ConfigurationError, match=other):
        roll_back(store.objects, registry, 1, who="ada", why="seen")
    assert find_run(entries, registry, 2) == registry.run_of(2)
    assert load_entries(store.objects) == entries
    assert registry.aliases() == {}


def test_a_registry_that_does_not_answer_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While MLflow is away no model is put in service; a refusal, which needs none, counts and says what is behind."""
    write_ledger(store.objects, *WAITING)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = Registry(Settings(registry="http://127.0.0.1:9"))
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        roll_back(store.objects, away, 1, who="ada", why="seen")
    assert in_service(store) == 2
    refused = refuse_model(store.objects, away, 3, who="ada", why="seen")
    assert "does not answer" in refused.behind
    assert find_waiting(load_entries(store.objects)) is None


def test_of_decisions_made_at_once_each_is_checked_against_the_one_before(store: Store, registry: Registry) -> None:
    """Stewards and the gate, all at once: nobody's number is taken twice, and one champion follows the other."""
    write_ledger(store.objects, *WAITING)

    def attempt(act: Callable[[], object]) -> str:
        try:
            act()
        except DecisionOvertaken:
            return "overtaken"
        return "done"

    acts: list[Callable[[], object]] = [
        lambda: approve_model(store.objects, registry, 3, who="ada", why="good"),
        lambda: approve_model(store.objects, registry, 3, who="bob", why="good too"),
        lambda: refuse_model(store.objects, registry, 3, who="cyd", why="not good"),
        lambda: record_judgement(store.objects, judgement(4), 2),
        lambda: record_judgement(store.objects, judgement(5), 2),
    ]
    with ThreadPoolExecutor(len(acts)) as pool:
        told = list(pool.map(attempt, acts))
    entries = load_entries(store.objects)
    new = entries[len(WAITING) :]
    assert told.count("done") == len(new) >= 1
    assert sum(entry.changes_champion for entry in new) == 1
    for before, after in pairwise(entries):
        assert after.champion_before == before.champion_after
    follow_ledger(store.objects, registry)
    assert registry.aliases()["champion"] == entries[-1].champion_after


def test_approval_that_comes_between_look_and_write_is_noticed(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A steward's approval that lands while a night records its decision overtakes it, and the other way round."""
    write_ledger(store.objects, *WAITING)

    def lose(objects: Objects, entry: LedgerEntry) -> bool:
        monkeypatch.setattr(promotion, "append_entry", append_entry)
        approve_model(objects, registry, 3, who="ada", why="seen")
        return append_entry(objects, entry)

    monkeypatch.setattr(promotion, "append_entry", lose)
    with pytest.raises(DecisionOvertaken, match="v3 came into service while v4 was judged against v2"):
        record_judgement(store.objects, judgement(4), 2)
    assert in_service(store) == 3
