"""The news in one sentence."""

from collections.abc import Callable
from typing import get_args

import pytest

from storage.reports import headline, terms, words
from xray_model.outcomes import (
    BatchOutcome,
    ChampionSummary,
    Check,
    DriftOutcome,
    DriftState,
    NightOutcome,
    ProbeName,
    Refusal,
    RetrainOutcome,
)

SOME = "17 of 20 new images accepted"
STAYS = "v6 stays in service: there is no covid image"


@pytest.fixture
def nights(
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    make_retrain: Callable[..., RetrainOutcome],
    make_champion: Callable[..., ChampionSummary],
    make_drift: Callable[..., DriftOutcome],
) -> dict[str, NightOutcome]:
    """One night of every kind."""
    new, held, refused, failed = (
        make_batch(status, name=name)
        for status, name in (("accepted", "b1"), ("held", "b2"), ("refused", "b3"), ("failed", "b4"))
    )
    clean = make_batch(read=17, quarantined=0, refusals=())
    v1, v6 = make_champion(1), make_champion(6)
    kept = make_retrain(7, 6, promote=False)
    return {
        "nothing at all": make_night(),
        "nothing new": make_night(champion=v6),
        "first champion": make_night(0, clean, retrain=make_retrain(), champion=v1),
        "no model yet": make_night(0, new),
        "below the floor": make_night(0, new, retrain=make_retrain(promote=False, check="floor", f1=0.52)),
        "promoted": make_night(0, new, retrain=make_retrain(7, 6), champion=make_champion(7)),
        "waits": make_night(0, new, retrain=make_retrain(7, 6, approval=True), champion=v6),
        "waits to be the first": make_night(0, new, retrain=make_retrain(approval=True)),
        "kept": make_night(0, new, retrain=kept, champion=v6),
        "kept, few patients": make_night(
            0, new, retrain=make_retrain(7, 6, promote=False, check="evidence"), champion=v6
        ),
        "kept, recall": make_night(
            0, new, retrain=make_retrain(7, 6, promote=False, check="recall-covid"), champion=v6
        ),
        "kept, not comparable": make_night(
            0, new, retrain=make_retrain(7, 6, promote=False, check="comparable"), champion=v6
        ),
        "kept, floor of a class": make_night(
            0, new, retrain=make_retrain(7, 6, promote=False, check="floor-covid"), champion=v6
        ),
        "kept, no skill": make_night(0, new, retrain=make_retrain(7, 6, promote=False, check="skill"), champion=v6),
        "kept, a condition of later": make_night(
            0, new, retrain=make_retrain(7, 6, promote=False, check="probes"), champion=v6
        ),
        "one held": make_night(0, held, new, retrain=kept, champion=v6),
        "one refused": make_night(0, refused, champion=v6),
        "one failed": make_night(0, failed, champion=v6),
        "three wait": make_night(0, held, refused, failed, champion=v6),
        "nothing usable": make_night(0, make_batch(accepted=0, quarantined=20), champion=v6),
        "no image": make_night(0, make_batch(read=0, accepted=0, quarantined=0), champion=v6),
        "one unusable": make_night(0, make_batch(read=1, accepted=0, quarantined=1), champion=v6),
        "drifted": make_night(0, new, drift=make_drift(5), champion=v6),
        "watched": make_night(0, new, drift=make_drift(3), champion=v6),
        "alike": make_night(0, new, drift=make_drift(1), champion=v6),
        "drift unknown": make_night(0, new, drift=make_drift(), champion=v6),
        "not judged": make_night(0, new, retrain=kept.model_copy(update={"promotion": None}), champion=v6),
    }


@pytest.mark.parametrize(
    ("night", "news"),
    [
        ("nothing at all", "Nothing new arrived; no model is in service yet"),
        ("nothing new", "Nothing new arrived; v6 stays in service"),
        ("first champion", "17 new images accepted; v1 is the first champion: F1 of normal .86"),
        ("no model yet", f"{SOME}; no model is in service yet: there is no covid image"),
        (
            "below the floor",
            f"{SOME}; no model is in service yet: the challenger's F1 of normal, .52, is below the floor",
        ),
        ("promoted", f"{SOME}; v7 took over from v6: F1 of normal .86, against .81"),
        ("waits", f"{SOME}; v7 waits for approval in place of v6: F1 of normal .86, against .81"),
        ("waits to be the first", f"{SOME}; v1 waits for approval to be the first champion: F1 of normal .86"),
        ("kept", f"{SOME}; kept v6: the challenger is not shown to be better on normal"),
        (
            "kept, few patients",
            f"{SOME}; kept v6: too few test patients with normal to judge the challenger",
        ),
        ("kept, recall", f"{SOME}; kept v6: the challenger finds too few covid images"),
        ("kept, not comparable", f"{SOME}; kept v6: the challenger cannot be compared with it"),
        ("kept, floor of a class", f"{SOME}; kept v6: the challenger finds too few covid images"),
        (
            "kept, no skill",
            f"{SOME}; kept v6: the challenger is not shown to know more of normal than a guess",
        ),
        ("kept, a condition of later", f"{SOME}; kept v6: the challenger does not do"),
        (
            "one held",
            "One batch waits for you: bimcv / b2 is held; kept v6: the challenger is not shown to be better on normal",
        ),
        (
            "one refused",
            f"One batch waits for you: bimcv / b3 was refused; {STAYS}",
        ),
        ("one failed", f"One batch waits for you: bimcv / b4 failed; {STAYS}"),
        ("three wait", f"Three batches wait for you; {STAYS}"),
        ("nothing usable", f"None of 20 new images can be used; {STAYS}"),
        ("no image", f"No image arrived; {STAYS}"),
        ("one unusable", f"The one new image cannot be used; {STAYS}"),
        (
            "drifted",
            f"{SOME}; {STAYS}; the new images have drifted: 5 of 10 columns moved",
        ),
        (
            "watched",
            f"{SOME}; {STAYS}; some drift in the new images: 3 of 10 columns moved",
        ),
        ("alike", f"{SOME}; {STAYS}"),
        ("drift unknown", f"{SOME}; {STAYS}"),
        (
            "not judged",
            f"{SOME}; a model was trained but not judged: Trained on 100 images: new accepted images",
        ),
    ],
)
def test_headline(nights: dict[str, NightOutcome], night: str, news: str) -> None:
    """The news of a night is one sentence, what waits for a person first, and unknown drift claims nothing."""
    assert headline(nights[night]) == news


def test_quiet_headline_leaves_out_what_waits(nights: dict[str, NightOutcome]) -> None:
    """Where waiting batches are listed apart, the other news stands alone and begins with a capital."""
    assert words.quiet_headline(nights["one held"]) == "Kept v6: the challenger is not shown to be better on normal"


@pytest.mark.parametrize(
    ("status", "changes", "news"),
    [
        ("held", {}, "b1 is held: 15 % of its images look inverted"),
        ("held", {"reasons": ()}, "b1 is held"),
        ("refused", {}, "b1 was refused: its files follow no known layout"),
        ("failed", {}, "b1 failed: its files follow no known layout"),
        ("accepted", {}, "b1 is accepted: 17 of 20 images"),
        ("accepted", {"accepted": 20}, "b1 is accepted: all 20 images"),
        ("accepted", {"accepted": 1, "read": 1}, "b1 is accepted: its one image"),
        ("accepted", {"accepted": 0}, "b1 brought no image to train on"),
    ],
)
def test_batch_headline(
    make_batch: Callable[..., BatchOutcome], status: str, changes: dict[str, object], news: str
) -> None:
    """The news of a batch says what became of it and the first reason."""
    assert words.batch_headline(make_batch(status, **changes)) == news


def test_many_batches_are_counted_in_figures(make_batch: Callable[..., BatchOutcome]) -> None:
    """From ten batches on the number is written in figures."""
    assert words.waiting_headline([make_batch("held")] * 12) == "12 batches wait for you"


def test_refusals_do_not_make_a_batch_wait(make_batch: Callable[..., BatchOutcome]) -> None:
    """An accepted batch with refused images waits for nobody."""
    batch = make_batch(refusals=(Refusal(reason="Dark.", images=3),))
    assert words.waiting_headline([batch, make_batch("held", name="b2")]).startswith(
        "One batch waits for you: bimcv / b2"
    )


def test_what_was_waived_decides_nothing(make_retrain: Callable[..., RetrainOutcome]) -> None:
    """A model that is kept out by one condition is not said to be kept out by another that was waived."""
    kept = make_retrain(7, 6, promote=False)
    waived = Check(name="evidence", passed=False, sentence="Too few.", waiver="more cannot be had")
    assert kept.promotion
    decision = kept.promotion.decision
    decision = decision.model_copy(update={"checks": (waived, *decision.checks)})
    judged = kept.model_copy(update={"promotion": kept.promotion.model_copy(update={"decision": decision})})
    assert words.model_headline(judged) == "Kept v6: the challenger is not shown to be better on normal"
    assert terms.deciding_sentence(decision) == "The challenger does not do. It was tried."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recall-covid", "Recall of covid holds"),
        ("subgroup-sex=F", "Holds for sex=F"),
        ("calibration", "Its probabilities mean what they say"),
        ("lungs-hidden", "With the lungs hidden"),
        ("of-a-later-version", "of-a-later-version"),
    ],
)
def test_conditions_have_names_in_words(name: str, said: str) -> None:
    """A condition of the gate is named in plain words; one that is not known keeps its name."""
    assert terms.check_words(name) == said


def test_every_probe_has_words() -> None:
    """No probe is shown by its name alone."""
    assert not [name for name in get_args(ProbeName) if terms.check_words(name) == name]


def test_batch_held_for_drift_waits_and_the_news_says_why(
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    make_drift: Callable[..., DriftOutcome],
) -> None:
    """What drift holds waits for a person by its status, first of all; how much moved is told after it."""
    drift = make_drift(5).model_copy(update={"state": DriftState.HOLD})
    night = make_night(0, make_batch("held"), drift=drift)
    assert words.headline(night).startswith("One batch waits for you: bimcv / b1 is held; ")
    assert words.quiet_headline(night).endswith("; the new images are unlike those known: 5 of 10 columns moved")
