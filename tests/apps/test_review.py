"""`xray review`: what it lists and says, and what it refuses."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from typer.testing import CliRunner

from apps import night
from apps.cli import app
from storage.catalog import commit_batch, load_outcome
from storage.decisions import load_decisions, record_decision
from storage.store import Store
from xray_model.data.decisions import MONITOR, propose
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome, DriftState, NightOutcome, RetrainOutcome

HELD = "clinic.may.111111111111"
IDS = ["a1" * 32, "a1" * 31 + "b2", "c3" * 32]


@pytest.fixture
def held(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A held batch of two sound images and one that cannot be read."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    rows = pd.DataFrame(
        {
            "image_id": IDS,
            "batch_id": HELD,
            "key": [f"incoming/clinic/may/miller-{place}.png" for place in range(3)],
            "patient_id": "p",
            "split": "train",
            "label": "covid",
            "status": ["held", "held", "quarantined"],
            "reasons": [[], [], ["cannot be read"]],
            "unreadable": [None, None, "it is cut short"],
            "shard": [0, 0, None],
        }
    )
    reasons = ("A quarter of it looks [inverted].",)
    outcome = BatchOutcome(batch_id=HELD, source="clinic", name="may", status=BatchStatus.HELD, reasons=reasons)
    commit_batch(store.objects, rows, outcome)
    return store


def run(*words: str) -> str:
    """What `xray review …` prints, without line breaks that the width of a terminal made."""
    result = CliRunner().invoke(app, ["review", *words], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_empty_store_says_so(store: Store) -> None:
    """Where nothing was refused the list says that nothing waits."""
    assert "Nothing waits for you" in run("list")


def test_a_batch_held_for_drift_says_why(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list and the batch give the reasons of the hold, by whom it was, and a release ends it."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    rows = {"image_id": IDS[:1], "batch_id": HELD, "key": "k", "patient_id": "p", "split": "train", "shard": 0}
    outcome = BatchOutcome(batch_id=HELD, source="clinic", name="may", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, pd.DataFrame(rows | {"status": "accepted", "label": "covid"}), outcome)
    assert "Nothing waits" in run("list")
    hold = propose(batch_id=HELD, action="hold", who=MONITOR, why="The images are darker.")
    record_decision(store.objects, hold)
    assert f"{HELD}: The images are darker." in run("list")
    shown = run("show", "may")
    assert "held: The images are darker." in shown
    assert "monitor: hold the whole batch" in shown
    assert "1 accepted" in run("release", "may", "--why", "the new lamp", "--who", "ada")


def test_list_and_show(held: Store) -> None:
    """The list counts what waits; the page of a batch names images by id and reason, never by file."""
    assert "looks [inverted]" in run("list")
    shown = run("show", "clinic.may")
    for words in (
        "2 held, 1 quarantined",
        "2 held: sound, waits with its batch",
        "1 quarantined: cannot be read",
        *IDS,
    ):
        assert words in shown
    assert "miller" not in shown


def test_decisions_say_what_happened_and_what_follows(held: Store) -> None:
    """Each command ends with what it changed, what follows, and how to take it back."""
    told = run("release", HELD, "--why", "all are right", "--who", "ada")
    (decision,) = load_decisions(held.objects)[HELD]
    assert (decision.who, decision.why, decision.image_ids) == ("ada", "all are right", ())
    assert "images changed: 2" in told
    assert "2 accepted, 1 quarantined now" in told
    assert f"the next night takes it in. `xray review undo {decision.id}` takes it back" in told
    assert "nothing was written" in run("release", HELD, "--why", "all are right", "--who", "ada")
    assert "changes no image now" in run("release", HELD, "--why", "I think so too", "--who", "bob")
    assert "images changed: 1" in run("relabel", HELD, "--label", "normal", "--image", IDS[2], "--why", "see report")
    assert "(undone)" not in run("show", HELD)
    assert "changes no image now" in run("undo", decision.id[:8], "--why", "not mine to say")
    assert "ada: release the whole batch (undone). all are right" in run("show", HELD)


def test_batches_counts_what_counts_now(held: Store) -> None:
    """`xray batches` follows the decisions, and calls a held batch of which nothing waits decided."""
    before = CliRunner().invoke(app, ["batches"], env={"COLUMNS": "200"}).output
    assert " held " in before
    run("release", HELD, "--image", IDS[0], "--why", "this one is right")
    run("reject", HELD, "--why", "the others are not")
    line = next(
        line
        for line in CliRunner().invoke(app, ["batches"], env={"COLUMNS": "80"}).output.splitlines()
        if "may" in line
    )
    assert [cell.strip() for cell in line.split("│")][2:8] == ["decided", "0", "1", "1", "0", "1"]


def test_night_calls_for_nobody_where_all_is_decided(
    held: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A night that reports a batch decided before it ends with 0, and with 3 once the decision is undone."""
    now = datetime(2026, 5, 1, tzinfo=UTC)
    found = NightOutcome(
        night_id="n",
        started=now,
        finished=now,
        batches=(load_outcome(held.objects, HELD),),
        drift=DriftOutcome(state=DriftState.UNKNOWN, reasons=("nothing new",)),
        retrain=RetrainOutcome(trained=False, reasons=("nothing new",)),
        champion=None,
    )
    monkeypatch.setattr(night, "start_night", lambda *_, **__: (found, "url"))
    options = night.night_options(backbone="basic_cnn", weights="none", classes="covid,normal")
    assert night.run_night(options, verbose=False) == 3
    assert "may is held" in capsys.readouterr().out
    run("release", HELD, "--why", "all are right", "--who", "ada")
    assert night.run_night(options, verbose=False) == 0
    assert "may is held" not in capsys.readouterr().out
    run("undo", load_decisions(held.objects)[HELD][0].id, "--why", "they are not", "--who", "ada")
    assert night.run_night(options, verbose=False) == 3


def test_what_a_rejection_of_the_batch_leaves_is_said(held: Store) -> None:
    """An image released by name stays accepted when its batch is rejected, and the words say so."""
    run("release", HELD, "--image", IDS[0], "--why", "this one is right")
    told = run("reject", HELD, "--why", "the others are not")
    assert "1 accepted, 1 quarantined, 1 rejected now" in told
    assert "What was released by name stays accepted: 1." in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("release", "nowhere", "--why", "x"), "there is no batch 'nowhere'"),
        (("release", HELD, "--image", "a1a1a1a1", "--why", "x"), "2 images begin with"),
        (("release", HELD, "--image", "ffffffff", "--why", "x"), "no images begin with"),
        (("release", HELD, "--image", IDS[2], "--why", "x"), "never be released"),
        (("release", HELD, "--why", " "), "blank"),
        (("relabel", HELD, "--label", "fracture", "--why", "x"), "none of the findings"),
        (("undo", "0123456789abcdef", "--why", "x"), "no decisions begin with"),
    ],
)
def test_what_is_refused_is_said_and_not_recorded(held: Store, words: tuple[str, ...], message: str) -> None:
    """A wrong batch, image, finding, decision or reason is one clear error."""
    with pytest.raises(InvalidInput, match=message):
        run(*words)
    assert load_decisions(held.objects) == {}


def test_reason_is_required(held: Store) -> None:
    """No decision without --why."""
    assert CliRunner().invoke(app, ["review", "release", HELD]).exit_code == 2


def test_server_that_does_not_answer_is_said(held: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision stands, and the words say that the next night takes it in."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        assert "does not answer, so the next night takes it in" in run("release", HELD, "--why", "all are right")
    assert len(load_decisions(held.objects)[HELD]) == 1
