"""`xray models`: which model is in service, now and then, and what a steward decides about it."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from apps.cli import app
from apps.model_service import read_moment, read_version
from storage.ledger import champion_of, load_entries
from storage.registry import Registry
from storage.store import Store
from tests.storage.entries import gate, steward, write_ledger
from xray_model.errors import DecisionOvertaken, InvalidInput

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def run(*words: str) -> str:
    """What `xray models …` prints."""
    result = CliRunner().invoke(app, ["models", *words], env={"COLUMNS": "220"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def waiting(store: Store) -> Store:
    """A store in which v1 was promoted on 1 May, v2 on 2 May at 2:00, and v3 waits."""
    write_ledger(store.objects, gate(0, 1), gate(1, 2, 1), gate(2, 3, 2, approval=True))
    return store


def in_service(store: Store) -> int:
    """By the ledger."""
    champion = champion_of(load_entries(store.objects))
    assert champion is not None
    return champion.version


def test_list_shows_every_decision_and_what_waits(waiting: Store) -> None:
    """Each entry has who and why, and below stands which model is in service and how the one that waits is decided."""
    write_ledger(
        waiting.objects, steward(3, "refusal", 3, 2), gate(4, 4, 2, promote=False), gate(5, 5, 2, approval=True)
    )
    told = run()
    for words in ("promoted v2", "passed v3, for approval", "refused v3", "did not promote v4", "F1 is what it is."):
        assert words in told
    assert "ada" in told
    assert "v2 is in service since 2026-05-02 02:00 UTC. basic_cnn, trained on snapshot s1; F1 of normal .80" in told
    assert "v5 passed the gate and waits: `xray models approve 5 --why …` puts it in service" in told


def test_nothing_promoted_is_said(store: Store) -> None:
    """Where none passed, no model is in service, now and then."""
    write_ledger(store.objects, gate(0, 1, promote=False))
    assert "No model is in service: none passed the gate." in run()
    assert "No model was in service at 2026-05-03 23:59 UTC." in run("--at", "2026-05-03")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-04-30", "No model was in service at 2026-04-30 23:59 UTC."),
        ("2026-05-01", "v1 was in service at 2026-05-01 23:59 UTC, since 2026-05-01 02:00 UTC."),
        ("2026-05-02T01:59", "v1 was in service at 2026-05-02 01:59 UTC"),
        ("2026-05-02T04:00+02:00", "v2 was in service at 2026-05-02 02:00 UTC"),
        ("2026-05-02", "the gate promoted v2, 2026-05-02 02:00 UTC."),
        ("2026-05-04", "ada went back from v2 to v1, 2026-05-04 02:00 UTC: the rollback"),
    ],
)
def test_what_was_in_service_then(waiting: Store, at: str, words: str) -> None:
    """A day means its end, a moment itself; who put the model there is said."""
    write_ledger(waiting.objects, steward(3, "rollback", 1, 2))
    assert words in run("--at", at)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-03", datetime(2026, 5, 3, 23, 59, 59, 999999, UTC)),
        ("2026-11-21", NOW),
        ("2026-05-03T14:30", datetime(2026, 5, 3, 14, 30, tzinfo=UTC)),
        ("2026-05-03 14:30:10Z", datetime(2026, 5, 3, 14, 30, 10, tzinfo=UTC)),
        ("2026-05-03T01:00+02:00", datetime(2026, 5, 2, 23, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_utc(text: str, moment: datetime) -> None:
    """Of a day the end is meant, of today this moment."""
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yesterday", "is no day"),
        ("20260503", "is no day"),
        ("20260503T1430", "is no day"),
        ("2026-02-30", "is no day"),
        ("2026-11-22", "still to come"),
        ("2026-11-21T12:01", "still to come"),
    ],
)
def test_no_time_is_refused(text: str, words: str) -> None:
    """What is no time, or is still to come, is told so."""
    with pytest.raises(InvalidInput, match=words):
        read_moment(text, NOW)


def test_versions_are_read_with_and_without_their_letter() -> None:
    """As the list prints them, or the number alone."""
    assert read_version("v12") == read_version("12") == 12
    for text in ("", "v", "0", "-1", "1.5", "latest"):
        with pytest.raises(InvalidInput, match="is no version"):
            read_version(text)


def test_approval_says_what_is_in_service_now(waiting: Store, registry: Registry) -> None:
    """The model takes the champion's place at once, and how to go back is said; a repeat writes nothing."""
    words = ("approve", "v3", "--why", "it [really] is better", "--who", "eve")
    told = run(*words)
    assert "eve approved v3, " in told
    assert "it [really] is better" in told
    assert "v3 is in service now instead of v2; the next challenger is compared with it." in told
    assert "`xray models rollback --to 2 --why …` goes back to v2." in told
    assert in_service(waiting) == registry.aliases()["champion"] == 3
    assert "nothing was written" in run(*words)
    with pytest.raises(DecisionOvertaken, match="eve approved v3"):
        run("refuse", "3", "--why", "no", "--who", "eve")


def test_refusal_keeps_the_champion(waiting: Store, registry: Registry) -> None:
    """The login name decides where none is given."""
    told = run("refuse", "3", "--why", "too few women")
    assert "v2 stays in service. v3 is kept, and is not trained again on the same images and options." in told
    assert in_service(waiting) == 2


def test_rollback_goes_one_back_and_then_another(store: Store, registry: Registry) -> None:
    """Without a version it is the champion before; a second time the one before that; by name any that was."""
    write_ledger(store.objects, gate(0, 1), gate(1, 2, 1), gate(2, 3, 2))
    assert "v2 is in service now instead of v3" in run("rollback", "--why", "misses pneumonia")
    assert "v1 is in service now instead of v2" in run("rollback", "--why", "misses pneumonia")
    with pytest.raises(InvalidInput, match="name another that was with --to"):
        run("rollback", "--why", "misses pneumonia")
    assert "v3 is in service now instead of v1" in run("rollback", "--to", "3", "--why", "it was the scanner")
    assert in_service(store) == registry.aliases()["champion"] == 3


def test_deciding_loads_no_network(waiting: Store, registry: Registry) -> None:
    """A rollback is a matter of seconds: neither Keras nor Prefect is imported for it."""
    words = ["models", "rollback", "--to", "1", "--why", "bad"]
    heavy = "{'tensorflow', 'keras', 'prefect', 'great_expectations', 'evidently', 'sklearn'}"
    code = f"import sys, apps.cli; apps.cli.app({words}, standalone_mode=False); print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
    assert in_service(waiting) == 1
