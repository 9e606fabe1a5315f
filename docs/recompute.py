"""The figures of a decision, from its prediction tables: `recompute.py STORE/reports/nights/NIGHT/night.json`."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from scipy.stats import t as student
from sklearn.metrics import classification_report, f1_score, roc_auc_score

score = partial(classification_report, output_dict=True, zero_division=0)
bands = ["0-17", "18-39", "40-59", "60-79", "80+"]
band = partial(pd.cut, bins=[0, 18, 40, 60, 80, np.inf], right=False, labels=bands)
night = Path(sys.argv[1])
store, told = night.parents[3], json.loads(night.read_text())["retrain"]
decision, found, drawn_f1 = told["promotion"]["decision"], {}, {}
minority, draws, seed, margin = (decision[name] for name in ("minority", "draws", "seed", "margin"))
for who in [name for name in ("challenger", "champion") if told[name]]:
    table = pd.read_parquet(store / told[who]["predictions_key"]).sort_values("image_id")
    truth = table["label"] == minority
    patients, patient = np.unique(table["patient_id"].astype(str), return_inverse=True)
    drawn = np.random.default_rng(seed).integers(len(patients), size=(draws, len(patients)))
    times = [np.bincount(draw, minlength=len(patients))[patient] for draw in drawn]
    f1 = drawn_f1[who] = np.array(
        [f1_score(truth, table["predicted"] == minority, sample_weight=weight) for weight in times]
    )
    probabilities = table.filter(regex="^p_").rename(columns=lambda name: name.removeprefix("p_"))
    sure, right = probabilities.max(axis=1), probabilities.idxmax(axis=1) == table["label"]
    gaps = (right - sure).groupby(np.ceil(sure * 10).clip(1)).sum().abs()
    columns = [name for name in table if name.startswith("predicted") and table[name].notna().any()]
    found[who] = {
        "classes": score(table["label"], table["predicted"]),
        "f1_interval": np.percentile(f1, [2.5, 97.5]).tolist(),
        "roc_auc": {name: roc_auc_score(table["label"] == name, probabilities[name]) for name in probabilities},
        "calibration_error": gaps.sum() / len(table),
        "minority_f1": {name: f1_score(truth, table[name].fillna("") == minority) for name in columns},
        "subgroups": {},
    }
    for column in ("sex", "age", "view", "source", "manufacturer"):
        if column == "age":
            values = band(table["age"].astype(float)).astype(object)
        else:  # what fewer than five patients have is `other`, and so is what is rarer than twelve other values
            values = table[column].mask(table[column] == "")
            held = table.groupby(values)["patient_id"].agg(["size", "nunique"]).query("nunique >= 5")
            values = values.where(values.isna() | values.isin(held.nlargest(12, "size").index), "other")
        for value, rows in table.groupby(values.fillna("unknown")) if values.notna().any() else ():
            found[who]["subgroups"][f"{column}={value}"] = score(rows["label"], rows["predicted"])
images = table[truth].groupby("patient_id").size()
freedom, error = max(images.sum() ** 2 / (images**2).sum() - 1, 1), np.sqrt(2) * drawn_f1["challenger"].std()
if "champion" in found:
    ours, theirs = (found[who]["minority_f1"]["predicted"] for who in ("challenger", "champion"))
    error = (drawn_f1["challenger"] - drawn_f1["champion"]).std()
    found["probability_better"] = student.cdf((ours - theirs + margin) / error, freedom)
found["detectable"] = (
    sum(student.ppf(share, freedom) for share in (decision.get("confidence", 0.95), 0.8)) * error - margin
)
train = pd.read_parquet(store / "snapshots" / f"{told['challenger']['snapshot_id']}.parquet").query("split == 'train'")
for name, other in (("class-by-source", train["source"]), ("class-by-age", band(train["age"].astype(float)))):
    counts = pd.crosstab(train["label"], other).to_numpy()
    if min(counts.shape) > 1:  # Cramer's V with the correction of Bergsma (2013)
        rest, (rows, columns) = counts.sum() - 1, counts.shape
        phi = chi2_contingency(counts, correction=False).statistic / (rest + 1) - (rows - 1) * (columns - 1) / rest
        found[name] = np.sqrt(max(phi, 0) / (min(side - (side - 1) ** 2 / rest for side in counts.shape) - 1))
print(json.dumps(found, indent=2, default=float))
