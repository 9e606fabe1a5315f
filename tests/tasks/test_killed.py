"""Killed at any step of a promotion: the old champion or the new one, and the next run puts the rest right."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from storage import ledger
from storage.registry import CARD_FOLDER, MODEL_NAME, Registry
from storage.reports import keys
from storage.settings import Settings
from storage.store import Store, open_store
from tasks.promotion import find_standing
from tests.tasks.dying import act_here, begin_next_run, run_killed

HOST = "127.0.0.1:8420"
KILLS = 30
FULL = (pytest.mark.slow, pytest.mark.timeout(1800))

CI_STEPS = [("promote", 3), ("promote", 4), ("promote", 7), ("wait", 4), ("approve", 2), ("rollback", 5)]
BEFORE = {"approve": "wait", "rollback": "promote"}
"""What an act needs, of which the process that dies knows nothing."""
ALL_STEPS = [(act, step) for act in ("promote", "wait", "approve", "rollback") for step in range(10)]
FIRST_STEPS, CARD_STEPS = range(10), range(22)
"""Both sides of every step of a store's first promotion, and of one that ends with the model's card."""


def page_of(store: Store, home: Path) -> str:
    """What the console shows of the models to the owner of this machine."""
    console = ConsoleSettings(folder=home / "console", hosts=frozenset({HOST}), port=8420, owner="ada")
    answer = TestClient(create_app(console, store), base_url=f"http://{HOST}").get("/models")
    assert answer.status_code == 200
    return str(answer.text)


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
    named = {"challenger": challenger, "previous": line[-2] if len(line) > 1 else None, "champion": line[-1]}
    assert registry.aliases() == {alias: version for alias, version in named.items() if version}
    page = page_of(store, home)
    assert f"v{line[-1]}</a> is in service since" in page
    assert ("waits for approval" in page) == (waiting is not None)


@pytest.mark.parametrize("steps", [[1, 5, 8], pytest.param(FIRST_STEPS, marks=FULL)], ids=["few", "all"])
def test_killed_in_the_first_promotion_of_a_store(
    tmp_path: Path, home: Path, registry_of_models: Path, monkeypatch: pytest.MonkeyPatch, steps: Sequence[int]
) -> None:
    """No champion or v1, whichever the ledger says; after a run all three agree, and a champion can follow."""
    for step in steps:
        own = tmp_path / f"killed-at-{step}"
        own.mkdir()
        shutil.copy(registry_of_models, own)
        monkeypatch.setenv("XRAY_HOME", str(own))
        store, registry = open_store(Settings()), Registry(Settings())
        registry._client().delete_registered_model(MODEL_NAME)
        assert run_killed("promote", step)
        entries = ledger.load_entries(store.objects)
        assert [entry.champion_after for entry in entries] in ([], [1])
        alias = registry.aliases().get("champion")
        assert alias is None or (entries and alias == 1)
        assert (find_standing.fn().champion is None) == (not entries)
        if entries:
            assert_agreed(store, registry, own)
        else:
            assert registry.aliases() == {}
            assert "No model has been judged yet" in page_of(store, own)
        act_here("promote")
        assert_agreed(store, registry, own)
        last = ledger.load_entries(store.objects)[-1].champion_after
        side = "after" if step % 2 else "before"
        print(
            f"first, {side} step {step // 2}: ledger v{entries[-1].champion_after if entries else None}, then v{last}"
        )


@pytest.mark.parametrize("steps", [[3, 12, 19], pytest.param(CARD_STEPS, marks=FULL)], ids=["few", "all"])
def test_killed_between_promotion_and_card(store: Store, registry: Registry, home: Path, steps: Sequence[int]) -> None:
    """A page is whole or not there, and the next run writes those that are missing, once."""
    act_here("card")
    act_here("card")
    for step in steps:
        assert run_killed("card", step)
        judged = [entry for entry in ledger.load_entries(store.objects) if isinstance(entry, ledger.GateEntry)]
        untold = [entry for entry in judged if not store.objects.exists(keys.model_page(entry.version))]
        assert begin_next_run() == len(untold)
        for entry in judged:
            assert_whole(store, keys.model_page(entry.version))
            assert entry.run_id is not None
            card = registry._client().list_artifacts(entry.run_id, CARD_FOLDER)
            assert f"{CARD_FOLDER}/README.md" in {file.path for file in card}
        assert begin_next_run() == 0
        assert_agreed(store, registry, home)
        side = "after" if step % 2 else "before"
        print(
            f"card, {side} step {step // 2}: {len(judged)} models judged, pages written by the next run: {len(untold)}"
        )


def assert_whole(store: Store, page: str) -> None:
    """A page ends as it should, and its pictures are there."""
    text = store.objects.get(page).decode()
    pictures = re.findall(r'<img[^>]* src="([^":]+)"', text)
    assert pictures
    assert all(store.objects.exists(keys.folder_of(page) + picture) for picture in pictures)
    assert text.rstrip().endswith("</html>")
