"""New images put beside the champion's reference: samples, thresholds of this size, and what cannot be compared."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.chance import deal_labels, share_chances
from xray_model.evaluation.drift.cleaning import clean_frame, find_embedding
from xray_model.evaluation.drift.columns import EMBEDDING_NAME, FrameColumn
from xray_model.evaluation.drift.comparability import find_comparable, limit_categories
from xray_model.evaluation.drift.comparison import ComparedColumn, Comparison, DomainTest
from xray_model.evaluation.drift.distances import METHODS, Floats, Labels, permute_distances
from xray_model.evaluation.drift.domain import CHANCE_AUC, DomainClassifier
from xray_model.evaluation.drift.label_shift import compare_classes
from xray_model.evaluation.drift.sampling import Samples, draw_patients, draw_samples

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
    if min(patients, known_patients) < policy.minimum_patients:
        rng = np.random.default_rng(policy.seed)
        samples = Samples(draw_patients(current, rng), draw_patients(reference, rng), (), ())
        notes.append(
            f"Nothing is compared: {patients} patients with new images, {known_patients} in the reference; "
            f"{policy.minimum_patients} of each are needed."
        )
    else:
        samples = draw_samples(current, reference, policy)
        comparable, missing = find_comparable(samples, classes, policy.minimum_patients)
        samples = limit_categories(samples, comparable)
        notes += [*samples.notes, *missing]
        columns, domain, embedding_notes = _compare(samples, comparable, policy)
        notes += embedding_notes
    shares, share_notes = compare_classes(samples.current, samples.reference, classes, policy)
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
    )


def _compare(
    samples: Samples, comparable: Sequence[FrameColumn], policy: DriftPolicy
) -> tuple[tuple[ComparedColumn, ...], DomainTest | None, list[str]]:
    """Each column and the embedding under the same permutations."""
    pooled, strata = samples.pooled, samples.strata
    new = np.arange(len(pooled)) < len(samples.current)
    labels = deal_labels(new, strata, policy.permutations, policy.seed)
    nulls = {column.name: permute_distances(column.kind, pooled[column.name], labels) for column in comparable}
    seen, notes = _find_seen(pooled, new, policy.minimum_patients)
    classifier = DomainClassifier(pooled.loc[seen, find_embedding(pooled)].to_numpy()) if seen.any() else None
    embedding_null = classifier.measure_auc(labels[seen]) if classifier else None
    chances = share_chances(nulls if embedding_null is None else {**nulls, EMBEDDING_NAME: embedding_null})

    def threshold(name: str, null: Floats, watch: float) -> float:
        return max(watch, chances[name].threshold(null, policy.false_alarms))

    watch = {"number": policy.number_watch, "category": policy.category_watch}
    columns = tuple(
        ComparedColumn(column, METHODS[column.kind], threshold(column.name, null, watch[column.kind]), null)
        for column, null in zip(comparable, nulls.values(), strict=True)
    )
    if classifier is None or embedding_null is None:
        return columns, None, notes
    limit = threshold(EMBEDDING_NAME, embedding_null, policy.embedding_watch)
    return columns, _test_domain(classifier, pooled[seen], new[seen], limit, embedding_null), notes


def _find_seen(pooled: pd.DataFrame, new: npt.NDArray[np.bool_], least: int) -> tuple[npt.NDArray[np.bool_], list[str]]:
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
    classifier: DomainClassifier, pooled: pd.DataFrame, new: npt.NDArray[np.bool_], threshold: float, null: Floats
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
