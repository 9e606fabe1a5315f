"""Drift: what Evidently measures and shows, and the history that is kept of it."""

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.objects import Objects, open_objects
from tasks.drift import Measured, measure, update_workspace
from tests.servers.evidently_ui import evidently_ui
from tests.tasks.drifting import EVERY_COLUMN, compare, full_comparison, pick, tell_apart
from tests.xray_model.evaluation.drift.frames import CLASSES, POLICY, draw_frame
from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.comparison import Comparison
from xray_model.evaluation.drift.distances import measure_distance
from xray_model.evaluation.drift.judging import score_columns
from xray_model.evaluation.drift.preparing import prepare

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-100, 100, width=32), st.just(math.nan))
KINDS = {column.name: column.kind for column in EVERY_COLUMN}
NIGHTS = ("20261101T020000Z-night-00000001", "20261102T020000Z-night-00000002", "20261102T020000Z-batch-00000003")


class Sources(HTMLParser):
    """Every address that a page would load something from."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note `src` and `href`; what a script holds is no tag."""
        self.found += [f"{tag} {value}" for name, value in attrs if name in {"src", "href"}]


@pytest.fixture(scope="module")
def measured() -> Measured:
    """The largest samples the policy compares, moved by half a standard deviation."""
    return measure(full_comparison(500, 2000, shift=0.5))


def page_of(measured: Measured) -> bytes:
    """Evidently's report, which must be there."""
    assert measured.html is not None
    return measured.html


def run_of(measured: Measured) -> dict[str, Any]:
    """Evidently's run, which must be there."""
    assert measured.run is not None
    run: dict[str, Any] = json.loads(measured.run)
    return run


def failed_tests(measured: Measured) -> set[str]:
    """Names of the tests of a run that failed."""
    results = run_of(measured)["metric_results"].values()
    return {test["name"] for result in results for test in result["tests"] if test["status"] != "SUCCESS"}


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Samples of unequal sizes with ties, missing numbers and categories that one side alone holds."""
    sides = []
    for categories in (["PA", "AP", "unknown"], ["PA", "L", "unknown"]):
        rows = draw(st.integers(1, 40))
        numbers = [draw(NUMBERS) for _ in range(rows)]
        numbers[draw(st.integers(0, rows - 1))] = draw(st.floats(-2, 2, width=32))
        views = draw(st.lists(st.sampled_from(categories), min_size=rows, max_size=rows))
        labels = ["covid", *draw(st.lists(st.sampled_from([None, "covid", "normal"]), min_size=rows, max_size=rows))]
        sides.append({"age": numbers, "view": views, "label": labels[:rows]})
    return compare(sides[0], sides[1], pick("age", "view", "label"))


@settings(max_examples=15, deadline=None)
@given(comparisons())
def test_the_scores_are_the_distances(comparison: Comparison) -> None:
    """Evidently's scores are those distances by which chance was measured."""
    scores = measure(comparison).scores
    assert set(scores) == {"age", "view", "label"}
    for name, score in scores.items():
        expected = measure_distance(KINDS[name], comparison.current[name], comparison.reference[name])
        assert score == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_prepared_comparison_is_measured_as_it_is_judged() -> None:
    """Of samples drawn by the policy every column gets the score that the thresholds were made for."""
    comparison = prepare(draw_frame(150, seed=1), draw_frame(300, seed=2), POLICY, CLASSES)
    measured = measure(comparison)
    assert len(comparison.columns) > 15
    assert measured.scores == pytest.approx(score_columns(comparison), rel=1e-9, abs=1e-9)
    moved = {item.column.word for item in comparison.columns if measured.scores[item.column.name] >= item.threshold}
    drifts = {name.removeprefix("Value Drift for column ") for name in failed_tests(measured) if "Value Drift" in name}
    assert drifts == moved


def test_every_column_is_scored(measured: Measured) -> None:
    """The scores bear the names of the frame, whatever a steward calls the columns."""
    assert set(measured.scores) == {column.name for column in EVERY_COLUMN}


def test_the_report_is_light_and_needs_nothing_else(measured: Measured) -> None:
    """The page of the largest samples stays under 5 MB, and loads nothing from anywhere."""
    assert 1_000_000 < len(page_of(measured)) < 5_000_000
    assert Sources(page_of(measured)).found == []


def test_many_categories_do_not_make_the_report_heavy() -> None:
    """A thousand values of a category cost its picture, never its score, and the page stays small."""
    comparison = full_comparison(100, 1000, values=1000)
    few = [item for item in comparison.columns if item.column.name in {"view", "manufacturer"}]
    comparison = replace(comparison, columns=tuple(few))  # Evidently takes a second for each
    measured = measure(comparison)
    assert len(page_of(measured)) < 4_000_000
    assert b"too many for a picture" in page_of(measured)
    view = measure_distance("category", comparison.current["view"], comparison.reference["view"])
    assert measured.scores["view"] == pytest.approx(view, abs=1e-9)


def test_no_ids_leave_the_frames(measured: Measured) -> None:
    """Neither the page nor the run names an image or a patient."""
    for text in (measured.html, measured.run):
        assert text is not None
        assert b"secret-" not in text


def test_a_test_fails_where_the_threshold_is_reached() -> None:
    """Evidently fails the columns and the embedding that reach their threshold, and no others."""
    sample = {"mean": [0.0, 1.0, 2.0], "std": [0.0, 1.0, 2.0], "view": ["PA", "AP", "AP"]}
    known = sample | {"mean": [5.0, 6.0, 7.0]}
    moved = measure(compare(sample, known, pick("mean", "std", "view"), domain=tell_apart(0.56)))
    assert {name for name, score in moved.scores.items() if score >= 0.2} == {"mean"}
    assert {name.split(":")[0] for name in failed_tests(moved)} == {
        "Value Drift for column brightness",
        "Count of Drifted Columns",
        "Embedding",
    }
    calm = measure(compare(sample, sample, pick("mean", "std", "view"), domain=tell_apart(0.559)))
    assert failed_tests(calm) == set()


def test_more_missing_values_than_before_fail() -> None:
    """A column of which far more is missing than in the reference fails a test of data quality."""
    known = {"age": [1.0, 2.0] * 10}
    measured = measure(compare({"age": [1.0, 2.0, math.nan, math.nan]}, known, pick("age")))
    assert any("missing" in name for name in failed_tests(measured))


def test_no_text_of_a_sender_runs() -> None:
    """A maker or a class whose name would end Evidently's script and begin another stands there as a name alone."""
    script = "</script><script>alert(1)</script><!--"
    column = pick("p_covid")[0]
    column = type(column)(f"p_{script}", f"probability of {script}", column.family, "number")
    sample = {
        "manufacturer": [script, script.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")],
        column.name: [0.1, 0.9],
    }
    measured = measure(compare(sample, sample, (*pick("manufacturer"), column)))
    assert b"script>alert(1)" in page_of(measured)
    assert b"<script>alert(1)" not in page_of(measured)
    assert measured.scores == {"manufacturer": 0.0, column.name: 0.0}


def test_long_names_of_values_stay_apart() -> None:
    """Two makers whose names differ after their first sixty letters are two in the report too."""
    names = ["m" * 200 + "1", "m" * 200 + "2"]
    columns = pick("manufacturer")
    measured = measure(compare({"manufacturer": names[:1]}, {"manufacturer": names[1:]}, columns))
    assert measured.scores["manufacturer"] == pytest.approx(math.sqrt(math.log(2)))


def test_nothing_to_compare_makes_no_report() -> None:
    """Without a column and an embedding there are no scores and no page, rather than an empty one."""
    assert measure(compare({}, {}, ())) == Measured({}, None, None)


def test_an_embedding_alone_makes_a_report() -> None:
    """Where no column can be compared, the page shows what the model sees."""
    measured = measure(compare({}, {}, (), domain=tell_apart(0.9)))
    assert measured.scores == {}
    assert b"what the model sees" in page_of(measured)
    assert {name.split(":")[0] for name in failed_tests(measured)} == {"Embedding"}


@pytest.mark.parametrize(
    ("current", "reference", "score"),
    [
        ([1.0], [3.0], 2000.0),
        ([7.0] * 5, [7.0] * 9, 0.0),
        ([1.0, math.inf, -math.inf], [1.0], 0.0),
        ([0.8333333333333333, 0.8333333333333334], [0.8333333333333333], 0.0),
    ],
    ids=["one row", "constant", "infinite", "noise in the last bit"],
)
def test_meagre_numbers_are_measured(current: list[float], reference: list[float], score: float) -> None:
    """One image, a constant and infinities are measured as the distance says."""
    assert measure(compare({"age": current}, {"age": reference}, pick("age"))).scores["age"] == pytest.approx(score)


@pytest.mark.parametrize(
    ("name", "current", "reference"),
    [
        ("age", [math.nan, math.nan], [1.0, 2.0]),
        ("age", [1.0], []),
        ("age", ["old"], [1.0]),
        ("age", [1e308, -1e308], [1.0, 2.0]),
        ("age", [1e17] * 5, [1e17] * 5),
        ("age", [1e11 + 2e-5] * 5, [1e11] * 5),
        ("label", [None, math.nan], ["covid", "normal"]),
        ("view", [], ["PA"]),
        ("view", [1, 2], ["PA", "AP"]),
        ("sex", [], []),
    ],
)
def test_what_cannot_be_measured_is_refused(name: str, current: list[object], reference: list[object]) -> None:
    """A column that is missing in all rows, or of the wrong kind, is named in an error of the project."""
    with pytest.raises(InvalidInput):
        measure(compare({name: current}, {name: reference}, pick(name)))


def test_a_missing_column_is_named() -> None:
    """A column that one of the frames lacks is named."""
    with pytest.raises(InvalidInput, match="'sex'"):
        measure(compare({"age": [1.0]}, {"age": [1.0], "sex": ["F"]}, pick("age", "sex")))


@pytest.fixture
def objects(tmp_path: Path, measured: Measured) -> Objects:
    """A store with the runs of two nights and a batch, a damaged one, and a report without a run."""
    assert measured.run is not None
    objects = open_objects((tmp_path / "store").as_uri())
    for name in NIGHTS:
        objects.put(f"reports/drift/{name}/evidently.json", measured.run)
    objects.put("reports/drift/20261103T020000Z-night-00000004/evidently.json", measured.run[:-100])
    objects.put("reports/drift/some-day/evidently.json", measured.run)
    objects.put("reports/drift/20261104T020000Z-night-00000005/evidently.json", b'{"metric_results": []}')
    objects.put("reports/drift/20261105T020000Z-night-00000006/index.html", b"too few patients")
    return objects


def test_the_workspace_takes_each_run_once(objects: Objects, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Only what is missing is added, at the time its key names; what is damaged is told and left out."""
    folder = tmp_path / "evidently"
    assert update_workspace(objects, folder) == 3
    assert sum("left out" in message for message in caplog.messages) == 3
    kept = {path: path.read_bytes() for path in folder.rglob("*.json")}
    assert update_workspace(objects, folder) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == kept
    runs = [json.loads(data) for path, data in kept.items() if path.parent.name == "snapshots"]
    assert sorted((run["timestamp"], *run["tags"], run["name"]) for run in runs) == [
        ("2026-11-01T02:00:00", "night", NIGHTS[0]),
        ("2026-11-02T02:00:00", "batch", NIGHTS[2]),
        ("2026-11-02T02:00:00", "night", NIGHTS[1]),
    ]


def test_a_lost_run_comes_back(objects: Objects, tmp_path: Path) -> None:
    """A run that was deleted from the workspace is taken from the store again, under the same id."""
    folder = tmp_path / "evidently"
    update_workspace(objects, folder)
    lost = next(folder.rglob("snapshots/*.json"))
    lost.unlink()
    assert update_workspace(objects, folder) == 1
    assert lost.exists()


@pytest.mark.slow
@pytest.mark.service
def test_evidently_shows_the_history(objects: Objects, tmp_path: Path) -> None:
    """The real `evidently ui` lists the project and its runs, and draws one line through the nights."""
    update_workspace(objects, tmp_path / "evidently")
    with evidently_ui(tmp_path / "evidently", tmp_path / "ui.log") as origin:

        def ask(path: str, question: object = None) -> Any:
            data = None if question is None else json.dumps(question).encode()
            request = Request(f"{origin}/api/{path}", data, {"Content-Type": "application/json"})
            with urlopen(request, timeout=30) as answer:
                return json.load(answer)

        (project,) = ask("projects")
        assert project["name"] == "xray drift"
        assert {run["name"] for run in ask(f"projects/{project['id']}/reports")} == set(NIGHTS)
        panels = {panel["title"]: panel for panel in ask(f"v2/dashboards/{project['id']}")["panels"]}
        for title in ("share of the columns that moved", "telling new images from known ones"):
            lines = ask(
                f"v2/snapshots/{project['id']}/data_series_batch",
                {"series_filter": panels[f"Nights: {title}"]["values"]},
            )
            assert [len(line["values"]) for line in lines["series"]] == [2]
