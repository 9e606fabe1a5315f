"""The scoring log: what was predicted comes back whole, by day and model, and nothing of a patient gets in."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from storage.objects import Objects
from storage.scoring_log import PREFIX, append_scores, load_scores
from xray_model.errors import InvalidInput

TODAY = datetime.now(UTC).date()
DAYS = (TODAY - timedelta(days=1), TODAY + timedelta(days=1))
"""Around the moment of the test, also where that is midnight."""


def scores(images: int = 3, run_id: str = "run1", **more: object) -> pd.DataFrame:
    """Some predictions."""
    table = {
        "when": datetime(2026, 5, 1, 12, tzinfo=UTC),
        "image_id": [f"{place:064x}" for place in range(images)],
        "version": 1,
        "run_id": run_id,
        "route": "service",
        "predicted": "covid",
        "p_covid": 0.75,
        "p_normal": 0.25,
    }
    return pd.DataFrame(table | more)


def test_what_was_appended_comes_back(objects: Objects) -> None:
    """All rows of all tables, with the columns that any of them has, and of the days asked for alone."""
    key = append_scores(objects, scores(mean=120.0, view=["PA", None, "AP"]))
    append_scores(objects, scores(2, route="batch", source="clinic", e_00=0.5))
    assert key is not None
    assert key.startswith(f"{PREFIX}20")
    found = load_scores(objects, *DAYS)
    assert len(found) == 5
    assert found["mean"].notna().sum() == 3
    assert found["view"].dropna().tolist() == ["PA", "AP"]
    assert found["source"].dropna().tolist() == ["clinic"] * 2
    assert found["when"].iloc[0] == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert load_scores(objects, date(2020, 1, 1), date(2020, 1, 31)).empty


def test_answers_of_one_model_are_told_from_another_s(objects: Objects) -> None:
    """A new champion is not judged by what the old one said; other classes do not mix."""
    append_scores(objects, scores(3, "run1"))
    append_scores(objects, scores(2, "run2").rename(columns={"p_normal": "p_pneumonia"}))
    found = load_scores(objects, *DAYS, run_id="run2")
    assert len(found) == 2
    assert found["p_pneumonia"].tolist() == [0.25, 0.25]
    assert len(load_scores(objects, *DAYS)) == 5


def test_nothing_to_say_writes_nothing(objects: Objects) -> None:
    """An empty table makes no object."""
    assert append_scores(objects, scores(0)) is None
    assert list(objects.list(PREFIX)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patient_id": "p"}, "not allowed: 1"),
        ({"key": "incoming/clinic/may/miller.png"}, "not allowed: 1"),
        ({"pixels": [b"x"] * 3}, "not allowed: 1"),
        ({"image_id": "miller.png"}, "64 hex digits"),
        ({"route": "by hand"}, "service, batch"),
        ({"p_covid": "high"}, "not what its column holds"),
        ({"when": "noon"}, "not what its column holds"),
    ],
)
def test_what_may_not_be_logged(objects: Objects, change: dict[str, object], message: str) -> None:
    """Another column, a name in place of a digest or a cell of another kind is refused, without repeating it."""
    with pytest.raises(InvalidInput, match=message) as refusal:
        append_scores(objects, scores().assign(**change))  # type: ignore[arg-type]
    assert "miller" not in str(refusal.value)
    assert list(objects.list(PREFIX)) == []


@pytest.mark.parametrize("missing", ["when", "run_id", "predicted"])
def test_what_must_be_logged(objects: Objects, missing: str) -> None:
    """Who answered, when and what stand there always, and so does a probability."""
    with pytest.raises(InvalidInput, match=f"Missing: {missing}"):
        append_scores(objects, scores().drop(columns=missing))
    with pytest.raises(InvalidInput, match="p_<class>"):
        append_scores(objects, scores().drop(columns=["p_covid", "p_normal"]))


def test_a_damaged_file_is_named(objects: Objects) -> None:
    """Nobody takes half a log for the whole of it."""
    key = append_scores(objects, scores())
    assert key is not None
    for data in (objects.get(key)[:-9], scores().assign(patient_id="p").to_parquet(), scores().to_parquet()):
        objects.put(key, data)
        with pytest.raises(InvalidInput, match=key):
            load_scores(objects, *DAYS)


def test_answers_with_a_name_are_added_once(objects: Objects) -> None:
    """Brought again on whatever day, they are there once, under the day on which the first was given."""
    key = append_scores(objects, scores(route="batch"), "0123456789abcdef-00001")
    assert key == f"{PREFIX}2026-05-01/120000000000-0123456789abcdef-00001.parquet"
    assert append_scores(objects, scores(route="batch"), "0123456789abcdef-00001") is None
    assert len(load_scores(objects, date(2026, 5, 1), date(2026, 5, 1))) == 3
