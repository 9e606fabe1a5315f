"""Rows of a batch, and decisions on them in their order."""

from datetime import UTC, datetime, timedelta

import pandas as pd
from hypothesis import strategies as st

from xray_model.data.decisions import MONITOR, Decision, fold_decisions, propose

START = datetime(2026, 5, 1, tzinfo=UTC)
IMAGES = [f"image-{place}" for place in range(6)]


def rows_of(statuses: list[str]) -> pd.DataFrame:
    """A batch with an image of each status, all of which could be released."""
    sound = {"patient_id": "p", "split": "train", "shard": 0, "unreadable": None, "duplicate_kind": None}
    return pd.DataFrame({"image_id": IMAGES[: len(statuses)], "status": statuses, "label": "covid", **sound})


def decide(action: str, *images: int, at: int = 0, **more: str) -> Decision:
    """A decision on these images, or on the whole batch."""
    who = MONITOR if action == "hold" else "ada"
    proposal = propose(
        batch_id="b", action=action, image_ids=[IMAGES[place] for place in images], who=who, why="seen", **more
    )
    name = (
        f"{at % 16**16:016x}" if action == "hold" else proposal.identify(str(at))
    )  # so that a history can hold several
    return Decision(**proposal.model_dump(), id=name, when=START + timedelta(seconds=at))


def statuses_after(statuses: list[str], *decisions: Decision) -> list[str]:
    """What the decisions make of a batch."""
    return fold_decisions(rows_of(statuses), decisions)["status"].tolist()


@st.composite
def histories(draw: st.DrawFn) -> list[Decision]:
    """Decisions of all kinds at distinct or equal times; an undo is later than what it undoes."""
    made: list[Decision] = []
    for at in range(draw(st.integers(1, 8))):
        first = ["release", "reject", "hold"]
        action = draw(st.sampled_from([*first, "relabel", "undo"] if made else first))
        images = draw(st.lists(st.integers(0, 5), max_size=3)) if action not in {"undo", "hold"} else []
        more = {"label": draw(st.sampled_from(["normal", "pneumonia"]))} if action == "relabel" else {}
        more |= {"undoes": draw(st.sampled_from(made)).id} if action == "undo" else {}
        made.append(decide(action, *images, at=at, **more))
    return made


BATCHES = st.lists(st.sampled_from(["held", "quarantined", "accepted"]), min_size=6, max_size=6)
