"""Whether a snapshot is worth a training: a plain decision with its reasons."""

from dataclasses import dataclass

from xray_model.outcomes import SnapshotOutcome

FEWEST_TO_TRAIN = 10
"""Training images of a class; with fewer, rebalancing only repeats the same few pictures."""


@dataclass(frozen=True, slots=True)
class RetrainDecision:
    """Train or not, and why."""

    train: bool
    reasons: tuple[str, ...]


def decide_retrain(snapshot: SnapshotOutcome, *, decided_before: bool, force: bool) -> RetrainDecision:
    """Decide whether to train on a snapshot.

    Args:
        snapshot: what could be trained on.
        decided_before: whether this very snapshot was already trained with these options and decided on.
        force: train all the same.
    """
    if not any(sum(counts.values()) for counts in snapshot.counts.values()):
        return RetrainDecision(train=False, reasons=("Not trained: no image of these classes is accepted yet.",))
    missing: dict[str, list[str]] = {}
    for split, counts in snapshot.counts.items():
        for label in (label for label, images in counts.items() if images == 0):
            missing.setdefault(label, []).append(split)
    if missing:
        lacks = " and ".join(f"no image of {label} in {' or '.join(splits)}" for label, splits in missing.items())
        reason = f"Not trained: there is {lacks}."
        advice = "Push more batches, or name the classes that there are with --classes."
        return RetrainDecision(train=False, reasons=(f"{reason} {advice}",))
    few = [
        f"only {images} of {label}" for label, images in snapshot.counts["train"].items() if images < FEWEST_TO_TRAIN
    ]
    if few:
        reason = f"Not trained: there are {' and '.join(few)} to train on; {FEWEST_TO_TRAIN} of each class are needed."
        return RetrainDecision(train=False, reasons=(f"{reason} Push more batches.",))
    if decided_before and not force:
        reason = f"Not trained: nothing is new. Snapshot {snapshot.snapshot_id} was judged before, trained as now."
        return RetrainDecision(train=False, reasons=(reason,))
    images = sum(snapshot.counts["train"].values())
    why = "forced" if decided_before else "new accepted images, or other options, since the last training"
    return RetrainDecision(train=True, reasons=(f"Trained on {images} images: {why}.",))


def minority_class(snapshot: SnapshotOutcome, named: str | None) -> str:
    """The class that decides: the one the policy names, else the one with the fewest training images."""
    counts = snapshot.counts["train"]
    return named if named is not None else min(sorted(counts), key=lambda label: counts[label])
