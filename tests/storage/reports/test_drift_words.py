"""What is said of a comparison with the champion's reference."""

import pytest

from storage.reports import terms
from storage.reports.drift_words import advise_drift, class_sentence, column_sentence, drift_headline
from tests.storage.reports.comparing import compared, drifted_column
from xray_model.outcomes import ClassShare, DriftState, DriftSubject, Interval


@pytest.mark.parametrize(
    ("state", "subject", "name", "news"),
    [
        (
            DriftState.HOLD,
            "batch",
            "bimcv.b1.0a1b2c",
            "bimcv / b1 was held for a decision: a known source sends other pictures than before: brightness",
        ),
        (
            DriftState.RETRAIN,
            "night",
            "20260301T020000Z-3f9a",
            "The night of 1 Mar asks for a retraining: a known source sends other pictures than before: brightness",
        ),
        (
            DriftState.WATCH,
            "window",
            "2026-02-20 to 2026-02-27",
            "The images of 2026-02-20 to 2026-02-27 is to be watched",
        ),
        (DriftState.OK, "batch", "bimcv.b1.0a1b2c", "bimcv / b1 looks like what v7 has learned from"),
        (DriftState.UNKNOWN, "served", "2026-02-20", "What the model was asked, 2026-02-20 could not be compared"),
    ],
)
def test_headline_names_the_subject_and_the_state(
    state: DriftState, subject: DriftSubject, name: str, news: str
) -> None:
    """One sentence says what was compared, what it came to, and the first reason."""
    assert drift_headline(compared(state, subject=subject, name=name)).startswith(news)


def test_only_a_batch_that_needs_a_decision_names_the_commands() -> None:
    """A held batch is released or rejected under its id; of what is alike nobody is asked anything."""
    held = [step.command for step in advise_drift(compared()) if step.command]
    assert held == [f"xray review {word} bimcv.b1.0a1b2c --why REASON" for word in ("release", "reject")]
    assert not any(step.command for step in advise_drift(compared(DriftState.OK)))
    (command,) = [step.command for step in advise_drift(compared(subject="night")) if step.command]
    assert command == "xray review list"
    assert "does not say that nothing moved" in advise_drift(compared(DriftState.UNKNOWN))[0].sentence


def test_what_does_not_wait_is_not_said_to_wait() -> None:
    """Where a hold was lifted, refused or never asked for, news, advice and mark say that nothing waits."""
    free = compared(held=False)
    assert "does not wait: a known source" in drift_headline(free)
    assert "does not wait" in terms.drift_words(free) != terms.drift_words(compared())
    assert [step.command for step in advise_drift(free) if step.command] == [
        "xray review reject bimcv.b1.0a1b2c --why REASON"
    ]
    assert "No image waits" in advise_drift(compared(subject="window", held=False))[0].sentence


def test_nights_on_watch_are_counted() -> None:
    """From the second night on watch the page says which it is."""
    assert "night 2 in a row" in advise_drift(compared(DriftState.WATCH, watched=2))[0].sentence
    assert "in a row" not in advise_drift(compared(DriftState.WATCH, watched=1))[0].sentence


def test_still_column_tells_both_sides() -> None:
    """A column that did not move has no sentence of its own, and says what it is now and was before."""
    assert column_sentence(drifted_column("age", 0.1)) == "New: mean 148. Known: mean 112."
    assert column_sentence(drifted_column("age", 0.9)) == "The age has changed: 148, before 112."


@pytest.mark.parametrize(
    ("estimated", "said"),
    [
        (None, "cannot be told"),
        (Interval(value=0.41, low=0.35, high=0.5), "no class is shown to be more or less frequent"),
        (Interval(value=0.52, low=0.44, high=0.6), "covid is more frequent, 52 % (95 % interval 44 % to 60 %)"),
        (Interval(value=0.2, low=0.15, high=0.3), "covid is less frequent, 20 %"),
    ],
)
def test_classes_move_only_beyond_their_interval(estimated: Interval | None, said: str) -> None:
    """A class is said to be more or less frequent where the interval leaves its share in the reference out."""
    assert said in class_sentence([ClassShare(label="covid", reference=0.4, estimated=estimated)])
