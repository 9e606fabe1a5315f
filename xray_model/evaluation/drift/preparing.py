"""New images put beside the champion's reference: samples, thresholds of this size, and what cannot be compared."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.chance import deal_labels, share_chances
from xray_model.evaluation.drift.cleaning import clean_frame, find_embedding
from xray_model.evaluation.drift.columns import EMBEDDING_NAME, FrameColumn, list_columns
from xray_model.evaluation.drift.comparability import find_comparable, level_sources, limit_categories, mark_lost
from xray_model.evaluation.drift.comparison import ComparedColumn, Comparison, DomainTest
from xray_model.evaluation.drift.distances import METHODS, Floats, Labels, find_spread, permute_distances
from xray_model.evaluation.drift.domain import CHANCE_AUC, DomainClassifier
from xray_model.evaluation.drift.label_shift import compare_classes
from xray_model.evaluation.drift.sampling import Samples, draw_patients, draw_samples

Mask = npt.NDArray[np.bool_]

EXAMPLES = 12
"""Images named as the least and the most like the reference."""


def prepare(current: pd.DataFrame, reference: pd.DataFrame, policy: DriftPolicy, classes: Sequence[str]) -> Comparison:
    """Draw samples of both frames, and see how far from each other chance alone would put them.

    Args:
        current: of the new images, as `build_frame` makes it.
        reference: of the champion's snapshot; the model's answers are missing where it has learned from the image.
        policy: sizes, and what is worth watching.
        classes: of the model.

    Returns:
        A comparison without columns where one of the two has too few patients; its notes say so.
    """
    current, new_notes = clean_frame(current, classes, "new images")
    reference, known_notes = clean_frame(reference, classes, "reference")
    patients, known_patients = current["patient_id"].nunique(), reference["patient_id"].nunique()
    notes = [*new_notes, *known_notes]
    columns: tuple[ComparedColumn, ...] = ()
    domain = None
    too_few = ""
    if min(patients, known_patients) < policy.minimum_patients:
        rng = np.random.default_rng(policy.seed)
        samples = drawn = Samples(draw_patients(current, rng), draw_patients(reference, rng), by_source=False)
        too_few = (
            f"Nothing is compared: {patients} patient{'s' * (patients != 1)} with new images, {known_patients} in the "
            f"reference; {policy.minimum_patients} of each are needed."
        )
        notes.insert(0, too_few)
    else:
        drawn = draw_samples(current, reference, policy)
        marked, records = mark_lost(drawn, classes)
        possible = (*list_columns(classes), *records)
        level = level_sources(marked, possible)
        comparable, missing = find_comparable(level, possible, policy.minimum_patients)
        samples = limit_categories(level, comparable)
        notes += [*samples.notes, *missing]
        columns, domain, embedding_notes = _compare(samples, comparable, policy)
        notes += embedding_notes
    shares, share_notes = compare_classes(drawn.current, drawn.reference, classes, policy)
    return Comparison(
        current=samples.current,
        reference=samples.reference,
        columns=columns,
        domain=domain,
        classes=shares,
        notes=(*notes, *share_notes),
        new_sources=samples.new_sources,
        images=len(current),
        patients=patients,
        reference_images=len(reference),
        by_source=samples.by_source,
        first_sources=samples.first_sources,
        too_few=too_few,
    )


def _compare(
    samples: Samples, comparable: Sequence[FrameColumn], policy: DriftPolicy
) -> tuple[tuple[ComparedColumn, ...], DomainTest | None, list[str]]:
    """Each column and the embedding under the same permutations of the images that hold a value."""
    pooled = samples.pooled
    new = np.arange(len(pooled)) < len(samples.current)
    seen, notes = _find_seen(pooled, new, policy.minimum_patients)
    classifier = DomainClassifier(pooled.loc[seen, find_embedding(pooled)].to_numpy()) if seen.any() else None
    nulls: dict[str, Floats] = {}
    for present, names in _group_columns(pooled, comparable, seen):
        labels = deal_labels(new, samples.find_strata(present), policy.permutations, policy.seed)
        for name in names:
            if name == EMBEDDING_NAME and classifier:
                nulls[name] = classifier.measure_auc(labels[seen])
            else:
                kind = next(column.kind for column in comparable if column.name == name)
                nulls[name] = permute_distances(kind, pooled[name], labels)
    chances = share_chances(nulls)

    def threshold(name: str, watch: float) -> float:
        return max(watch, chances[name].threshold(nulls[name], policy.false_alarms))

    watch = {"number": policy.number_watch, "category": policy.category_watch}
    weights = {column.name: _weigh(column, samples.reference[column.name]) for column in comparable}
    columns = tuple(
        ComparedColumn(
            column,
            METHODS[column.kind],
            threshold(column.name, watch[column.kind] / weights[column.name]),
            nulls[column.name],
            weights[column.name],
        )
        for column in comparable
    )
    if classifier is None:
        return columns, None, notes
    limit = threshold(EMBEDDING_NAME, policy.embedding_watch)
    return columns, _test_domain(classifier, pooled[seen], new[seen], limit, nulls[EMBEDDING_NAME]), notes


def _group_columns(
    pooled: pd.DataFrame, comparable: Sequence[FrameColumn], seen: Mask
) -> Iterator[tuple[Mask, list[str]]]:
    """The names of columns, and of the embedding, that the same images hold a value of, and which images these are."""
    groups: dict[bytes, tuple[Mask, list[str]]] = {}
    for column in comparable:
        present = pooled[column.name].notna().to_numpy()
        groups.setdefault(present.tobytes(), (present, []))[1].append(column.name)
    if seen.any():
        groups.setdefault(seen.tobytes(), (seen, []))[1].append(EMBEDDING_NAME)
    yield from groups.values()


def _weigh(column: FrameColumn, reference: pd.Series) -> float:
    """The part of a distance that counts: one in deviations of what hardly varies is large for a trifle."""
    if column.kind == "category" or not column.least:
        return 1.0
    return min(1.0, find_spread(reference) / column.least)


def _find_seen(pooled: pd.DataFrame, new: Mask, least: int) -> tuple[Mask, list[str]]:
    """The pooled images whose embedding is known; none where either sample has too few."""
    axes = find_embedding(pooled)
    seen = pooled[axes].notna().all(axis=1).to_numpy() if axes else np.zeros(len(pooled), bool)
    counts = int((seen & new).sum()), int((seen & ~new).sum())
    if min(counts) >= least:
        return seen, []
    note = (
        f"Not compared, what the model sees: {counts[0]} of the new images and {counts[1]} of the reference have an "
        f"embedding ({least} of each are needed)."
    )
    return np.zeros(len(pooled), bool), [note]


def _test_domain(
    classifier: DomainClassifier, pooled: pd.DataFrame, new: Mask, threshold: float, null: Floats
) -> DomainTest:
    labels: Labels = new[:, None].astype(np.float32)
    newness = classifier.score(labels)[:, 0]
    distance = (pooled[find_embedding(pooled)].to_numpy() ** 2).sum(axis=1)
    ids = pooled["image_id"].to_numpy()
    return DomainTest(
        # Leaving one out puts a classifier that knows nothing a little below .5.
        auc=max(CHANCE_AUC, float(classifier.measure_auc(labels)[0])),
        threshold=threshold,
        null=null,
        drifted=tuple(ids[new][np.argsort(-newness[new], kind="stable")][:EXAMPLES]),
        typical=tuple(ids[~new][np.argsort(distance[~new], kind="stable")][:EXAMPLES]),
    )
