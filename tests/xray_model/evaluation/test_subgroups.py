"""Subgroups: who is in them, what is said of them, and when nothing can be."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from tests.xray_model.evaluation.evaluations import evaluate
from xray_model.evaluation.subgroups import LEAST_PATIENTS, MOST_VALUES, find_subgroups
from xray_model.outcomes import SubgroupScore

CLASSES = ("covid", "normal")


def make_table(images: int = 240) -> pd.DataFrame:
    """A prediction table with every column that makes subgroups, two images a patient."""
    rng = np.random.default_rng(3)
    labels = rng.choice(2, images, p=[0.7, 0.3])
    sure = np.clip(rng.normal(0.5 + 0.25 * (labels - 0.5), 0.2), 0, 1)
    return pd.DataFrame(
        {
            "patient_id": [f"p{number // 2}" for number in range(images)],
            "label": np.array(CLASSES)[labels],
            "predicted": np.array(CLASSES)[(sure > 0.5).astype(int)],
            "p_covid": 1 - sure,
            "p_normal": sure,
            "sex": rng.choice(np.array(["F", "M", None]), images),
            "age": rng.choice([5.0, 17.9, 18.0, 55.0, 80.0, 93.0, np.nan], images),
            "view": "PA",
            "source": rng.choice(["bimcv", "kaggle"], images),
            "manufacturer": None,
        }
    )


def scored(table: pd.DataFrame, enough: int = 20) -> dict[str, SubgroupScore]:
    """The subgroups of a table by name."""
    outcome = evaluate(table, CLASSES, draws=100, subgroup_patients=enough)
    return {group.name: group for group in outcome.subgroups}


def test_groups_are_named_and_ordered() -> None:
    """Ages come in bands, other values by images, and what is missing last, where there is something to miss."""
    names = [f"{group.column}={group.value}" for group in find_subgroups(make_table().sort_values("sex"))]
    sexes = make_table()["sex"].value_counts().index
    assert names[:3] == [f"sex={sexes[0]}", f"sex={sexes[1]}", "sex=unknown"]
    assert names[3:8] == ["age=0-17", "age=18-39", "age=40-59", "age=80+", "age=unknown"]
    assert names[8] == "view=PA"
    assert set(names[9:]) == {"source=bimcv", "source=kaggle"}


def test_figures_are_those_of_the_images_alone() -> None:
    """Counts, F1 and recalls of each group are scikit-learn's of its images, each with an interval about it."""
    table = make_table()
    bands = {"age=0-17": table["age"] < 18, "age=80+": table["age"] >= 80, "age=unknown": table["age"].isna()}
    sexes = {"sex=F": table["sex"] == "F", "sex=unknown": table["sex"].isna()}
    found = scored(table)
    for name, images in (bands | sexes).items():
        rows, group = table[images], found[name]
        assert group.images == len(rows)
        assert group.patients == rows["patient_id"].nunique()
        assert group.minority_patients == rows.loc[rows["label"] == "normal", "patient_id"].nunique()
        assert group.minority_f1 is not None
        assert group.minority_f1.value == pytest.approx(
            f1_score(rows["label"], rows["predicted"], pos_label="normal"), abs=1e-6
        )
        assert group.minority_f1.low <= group.minority_f1.value <= group.minority_f1.high
        recalls = recall_score(rows["label"], rows["predicted"], labels=CLASSES, average=None)
        assert [group.recalls[label].value for label in CLASSES] == pytest.approx(recalls, abs=1e-6)


def test_small_groups_are_flagged() -> None:
    """A group is too small just where fewer patients of the minority class are in it than asked."""
    count = scored(make_table())["sex=F"].minority_patients
    assert not scored(make_table(), enough=count)["sex=F"].too_small
    assert scored(make_table(), enough=count + 1)["sex=F"].too_small


def test_group_without_the_minority_class() -> None:
    """Where no image of it is there or called, its F1 is not told; recall is told of the classes that are there."""
    table = make_table()
    alone = (table["source"] == "kaggle") & (table["label"] == "covid") & (table["predicted"] == "covid")
    group = scored(table.assign(source=np.where(alone, "clinic", "kaggle")))["source=clinic"]
    assert group.minority_f1 is None
    assert group.minority_patients == 0
    assert group.too_small
    assert {label: recall.value for label, recall in group.recalls.items()} == {"covid": 1}


def test_many_values_are_put_together() -> None:
    """The most frequent values stay; all rarer ones are one group, and every image is in a group."""
    table = make_table()
    makers = [f"maker {number}" for number in range(MOST_VALUES + 5)]
    values = [makers[min(place % 40, len(makers) - 1)] for place in range(len(table))]
    values[0], values[1] = "", "other"
    found = {name: group for name, group in scored(table.assign(manufacturer=values)).items() if "manufacturer" in name}
    assert len(found) == MOST_VALUES + 2
    assert list(found)[-2:] == ["manufacturer=other", "manufacturer=unknown"]
    assert found["manufacturer=unknown"].images == 1
    assert sum(group.images for group in found.values()) == len(table)


@pytest.mark.parametrize("column", ["manufacturer", "source", "view", "sex"])
def test_value_of_few_patients_is_not_told(column: str) -> None:
    """What a sender wrote of fewer than five patients, however many images, stands under no name of its own."""
    table = make_table().assign(**{column: "maker"})
    table.loc[: 2 * (LEAST_PATIENTS - 1) - 1, column] = "GARCIA^MARIA"
    assert {name for name in scored(table) if column in name} == {f"{column}=maker", f"{column}=other"}
    table.loc[: 2 * LEAST_PATIENTS - 1, column] = "GE"
    assert f"{column}=GE" in scored(table)


def test_older_table_has_fewer_groups() -> None:
    """Columns that a table does not have give no groups, and no error."""
    table = make_table().drop(columns=["sex", "age", "view", "manufacturer"])
    assert set(scored(table)) == {"source=bimcv", "source=kaggle"}
    assert scored(table.drop(columns="source")) == {}
