"""The figures of a decision, from its prediction tables: `recompute.py STORE/reports/nights/NIGHT/night.json`."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.metrics import classification_report, f1_score, roc_auc_score

night = Path(sys.argv[1])
told = json.loads(night.read_text())["retrain"]
decision, found, drawn_f1 = told["promotion"]["decision"], {}, {}
minority, draws, seed = decision["minority"], decision["draws"], decision["seed"]
for who in [name for name in ("challenger", "champion") if told[name]]:
    table = pd.read_parquet(night.parents[3] / told[who]["predictions_key"]).sort_values("image_id")
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
        "classes": classification_report(table["label"], table["predicted"], output_dict=True, zero_division=0),
        "f1_interval": np.percentile(f1, [2.5, 97.5]).tolist(),
        "roc_auc": {name: roc_auc_score(table["label"] == name, probabilities[name]) for name in probabilities},
        "calibration_error": gaps.sum() / len(table),
        "minority_f1": {name: f1_score(truth, table[name].fillna("") == minority) for name in columns},
    }
if "champion" in found:
    ours, theirs = found["challenger"], found["champion"]
    images = table[truth].groupby("patient_id").size()
    freedom = max(images.sum() ** 2 / (images**2).sum() - 1, 1)
    ahead = ours["minority_f1"]["predicted"] - theirs["minority_f1"]["predicted"] + decision["margin"]
    found["probability_better"] = student.cdf(ahead / (drawn_f1["challenger"] - drawn_f1["champion"]).std(), freedom)
print(json.dumps(found, indent=2, default=float))
