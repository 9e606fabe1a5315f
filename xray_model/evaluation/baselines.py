"""Simple models that the shortcut probes compare with: what do metadata, or the look of a source, tell alone?

All of them are logistic regressions with class weights. What they say of each image goes into the prediction table.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from xray_model.evaluation.association import group_ages

Features = npt.NDArray[np.floating]
Names = npt.NDArray[np.object_]
"""A class or a source for each image; None where nothing can be said."""
METADATA = ("source", "view", "sex", "age", "manufacturer")
FOLDS = 5
MOST_ROWS = 10_000
"""Rows a baseline learns from; more would change its figures by less than they say."""
_STRENGTH = 0.01
"""Inverse of the regularisation, as `bench/results.py` has it for standardised features."""
_MOST_STEPS = 500


def predict_from_metadata(train: pd.DataFrame, test: pd.DataFrame) -> Names:
    """Classes [n] of the test rows by a model that sees where, of whom and how an image was taken, and no pixel.

    Args:
        train: rows of the training split: `label` and those of `METADATA` that there are; missing is a value too.
        test: rows of the test split.
    """
    columns = [name for name in METADATA if name in train and name in test]
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), _regression(1.0))
    model.fit(_as_categories(train, columns), train["label"])
    return np.asarray(model.predict(_as_categories(test, columns)), object)


def tell_source(embedding: Features, rows: pd.DataFrame, seed: int) -> Names:
    """The source [n] of each image as its embedding tells it, by models that have not seen its patient.

    Sources of fewer than `FOLDS` patients are left out, and all where fewer than two are left.

    Args:
        embedding: float [n, d], what the classifier sees.
        rows: `source` and `patient_id` of each image.
        seed: of the folds.
    """
    told = np.full(len(rows), None, object)
    enough = rows.groupby("source")["patient_id"].nunique() >= FOLDS
    own = rows["source"].isin(enough.index[enough]).to_numpy()
    if enough.sum() < 2:  # noqa: PLR2004
        return told
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    kept = rows[own]
    told[own] = cross_val_predict(
        _on_features(), embedding[own].astype(np.float32), kept["source"], groups=kept["patient_id"], cv=folds
    )
    return told


def probe_linearly(
    train_features: Features, train: pd.DataFrame, test_features: Features, test: pd.DataFrame, seed: int
) -> tuple[Names, Names]:
    """Classes [n] of the test rows by linear probes: one of all sources, and for each source one that never saw it.

    Args:
        train_features: float [m, d], which no training has seen: those of a frozen part.
        train: `label` and `source` of the training split.
        test_features: float [n, d].
        test: `source` of the test split.
        seed: of the draw of at most `MOST_ROWS` training rows.

    Returns:
        Of all sources, and of the other sources than the image's own: None where those lack a class of the training
        split.
    """
    chosen = _choose_rows(len(train), seed)
    features, labels = train_features[chosen].astype(np.float32), train["label"].to_numpy(object)[chosen]
    sources, classes = train["source"].to_numpy(object)[chosen], train["label"].nunique()
    seen = test_features.astype(np.float32)
    together = np.asarray(_on_features().fit(features, labels).predict(seen), object)
    elsewhere = np.full(len(test), None, object)
    for source in test["source"].unique():
        own, others = (test["source"] == source).to_numpy(), sources != source
        if len(np.unique(labels[others].astype(str))) == classes:
            elsewhere[own] = _on_features().fit(features[others], labels[others]).predict(seen[own])
    return together, elsewhere


def _choose_rows(rows: int, seed: int) -> npt.NDArray[np.intp]:
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))


def _on_features() -> Pipeline:
    return make_pipeline(StandardScaler(), _regression(_STRENGTH))


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=_MOST_STEPS)


def _as_categories(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    named = rows[list(columns)]
    if "age" in named:
        named = named.assign(age=group_ages(named["age"]))
    return named.astype(object).where(named.notna(), "missing").astype(str)
