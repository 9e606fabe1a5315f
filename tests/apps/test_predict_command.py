"""`xray predict` and `xray score`: what they answer, what they say, and how they end."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner, Result

from apps import scoring
from apps.cli import NEEDS_PERSON, app
from apps.predicting import draw_answers
from storage.champions import find_version
from storage.registry import Registry
from storage.scoring.answering import RefusedFile, ScoredImage
from storage.scoring.models import copy_model
from storage.store import Store
from storage.strangeness import save_strangeness
from tests.scoring import CLASSES, picture, serve_model, served_model, write_files
from xray_model.config import ScoreOptions
from xray_model.errors import InvalidInput
from xray_model.evaluation.strangeness import UNCHECKED, UNLIKE_TRAINING, Strangeness
from xray_model.network.predictor import load_predictor
from xray_model.outcomes import ImageWarning, Prediction, ScoreOutcome, WarnedImages

MODEL = served_model()
NOTICE = "Research tool. Not for diagnostic use."


def run(*words: str) -> Result:
    """Run `xray` with these words, on a wide terminal."""
    return CliRunner().invoke(app, words, env={"COLUMNS": "240"})


@pytest.fixture
def version(store: Store, registry: Registry, tmp_path: Path) -> int:
    """A small model in service, and its version."""
    return serve_model(store.objects, registry, tmp_path)


def test_predict_prints_a_table(store: Store, version: int, tmp_path: Path) -> None:
    """Each image has its decision with the probabilities as numbers and its warnings, and the model is named."""
    write_files(tmp_path, {"a.png": picture(1), "dark [red].png": picture(2, level=-60)})
    before = [info.key for info in store.objects.list()]
    result = run("predict", str(tmp_path / "a.png"), str(tmp_path / "dark [red].png"))
    assert result.exit_code == 0, result.output
    sound, dark = result.output.split("├")
    figures = [float(figure) for figure in re.findall(r"│ ([01]\.\d{3}) \w+ +│", sound)]
    assert len(figures) == len(CLASSES)
    assert sum(figures) == pytest.approx(1, abs=0.002)
    assert re.search(rf"a\.png +│ ({'|'.join(CLASSES)}) ", sound)
    assert "dark [red].png" in dark
    assert "Warning: The image is too dark to read." in dark
    assert f"Model v{version}" in result.output
    assert UNCHECKED in result.output
    assert NOTICE in result.output
    assert [info.key for info in store.objects.list()] == before


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_cuts_nothing_off(width: int) -> None:
    """Long names and warnings are folded; every figure stands whole in one line."""
    probabilities = {"covid": 0.101, "normal": 0.202, "bacterial_pneumonia": 0.303, "tuberculosis_of_the_lung": 0.394}
    warning = ImageWarning(code="unlike-training", text=UNLIKE_TRAINING.text)
    prediction = Prediction(
        image_id="0" * 64,
        label="tuberculosis_of_the_lung",
        probabilities=probabilities,
        warnings=(warning, warning),
        version=7,
        snapshot_id="snapshot7",
    )
    answer = Mock(ScoredImage, prediction=prediction)
    reason = "the file cannot be read: No such file or directory"
    paths = [Path("/wards/2026-11-21/radiographs/of-the-morning/chest.png"), Path("b.png")]
    with (console := Console(width=width)).capture() as captured:
        console.print(draw_answers(paths, [answer, RefusedFile(None, reason)], [*probabilities]))
    rows = [line.strip("│").split("│") for line in captured.get().splitlines() if line.startswith("│")]
    notes, said = ("".join("".join(cells).split()) for cells in zip(*rows, strict=True))
    assert said.startswith("tuberculosis_of_the_lung0.101covid0.202normal")
    assert said.endswith("0.394tuberculosis_of_the_lungnotanswered")
    assert all(any(f"{figure:.3f}" in cell for _, cell in rows) for figure in probabilities.values())
    whole = "Warning: " + warning.text
    assert notes == "".join(f"{paths[0]}{whole}{whole}b.png{reason}".split())


def test_a_folder_for_heat_maps_that_cannot_be_made_is_told_first(tmp_path: Path) -> None:
    """A file stands where the folder is to be: one line says so, before a model is loaded."""
    (tmp_path / "maps").write_text("a file")
    result = run("predict", str(tmp_path / "a.png"), "--explain", str(tmp_path / "maps"))
    assert isinstance(result.exception, InvalidInput)
    assert "heat maps cannot be written to" in str(result.exception)


@pytest.mark.usefixtures("version")
def test_predict_explains(tmp_path: Path) -> None:
    """`--explain` leaves a PNG for each answer with the image beside itself, also for two of one name."""
    write_files(tmp_path, {"one/a.png": picture(1), "two/a.png": picture(2), "two/b.png": b"no picture"})
    paths = [str(tmp_path / name) for name in ("one/a.png", "two/a.png", "two/b.png")]
    result = run("predict", *paths, "--explain", str(tmp_path / "maps" / "of heat"))
    assert result.exit_code == NEEDS_PERSON, result.output
    pictures = sorted((tmp_path / "maps" / "of heat").iterdir())
    assert [path.name[:4] for path in pictures] == ["01-a", "02-a"]
    pixels = np.asarray(Image.open(pictures[0]))
    assert pixels.shape[1] > 2 * pixels.shape[0] - 1
    assert pixels.shape[2] == 3


@pytest.mark.usefixtures("version")
def test_predict_says_what_it_cannot_read(tmp_path: Path) -> None:
    """A file that is none stops no other, and the exit code tells of it; a name cannot steer the terminal."""
    write_files(tmp_path, {"a.png": picture(1), "b\x1b[31m.png": b"no picture"})
    result = run("predict", str(tmp_path / "nowhere.png"), str(tmp_path / "b\x1b[31m.png"), str(tmp_path / "a.png"))
    assert result.exit_code == NEEDS_PERSON
    assert result.output.count("not answered") == 2
    assert "No such file" in result.output
    assert "\x1b[31m" not in result.output
    assert "b\N{REPLACEMENT CHARACTER}[31m.png" in result.output


def test_predict_with_a_model_that_tells_what_is_strange(
    store: Store, registry: Registry, version: int, tmp_path: Path
) -> None:
    """What is unlike its training has a warning, and nothing is said to go unchecked."""
    write_files(tmp_path, {"a.png": picture(1)})
    model = find_version(store.objects, registry, version)
    with copy_model(registry, model) as path:
        predictor = load_predictor(path)
    answer = predictor.answer(np.zeros((1, predictor.side, predictor.side), np.uint8))
    save_strangeness(store.objects, model.run_id, Strangeness(answer.embedding - 1e3, 0.1))
    result = run("predict", str(tmp_path / "a.png"))
    assert UNLIKE_TRAINING.text in result.output
    assert UNCHECKED not in result.output


def test_predict_with_a_version_there_is_not(version: int, tmp_path: Path) -> None:
    """A version that was never judged is refused by name; one that was is asked."""
    write_files(tmp_path, {"a.png": picture(1)})
    assert run("predict", str(tmp_path / "a.png"), "--version", str(version)).exit_code == 0
    refused = run("predict", str(tmp_path / "a.png"), "--version", "99")
    assert refused.exit_code == 1
    assert isinstance(refused.exception, InvalidInput)
    assert "no model v99" in str(refused.exception)


def outcome(**more: Any) -> ScoreOutcome:
    """A scoring of eleven images."""
    fields = {
        "model": MODEL,
        "images": 11,
        "answered_now": 11,
        "labels": {"covid": 7, "normal": 4},
        "refused": {},
        "warned": (),
        "passed_over": {},
    }
    return ScoreOutcome.model_validate({**fields, **more})


@pytest.mark.usefixtures("home")
def test_score_asks_the_flow_and_tells_what_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words become options with whole paths; its end counts, warns, and says where the table is."""
    asked: dict[str, ScoreOptions] = {}
    warning = ImageWarning(code="inverted", text="The image looks inverted.")
    answer = outcome(
        answered_now=5,
        labels={"covid": 1_005, "normal": 4},
        refused={f"reason {n}": 12 - n for n in range(10)},
        warned=(WarnedImages(warning=warning, images=2),),
        passed_over={"document": 3},
        unchecked=UNCHECKED,
    )

    def start_flow(name: str, options: ScoreOptions, *_: object, **__: object) -> ScoreOutcome:
        asked[name] = options
        return answer

    monkeypatch.setattr(scoring, "start_flow", start_flow)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ward").mkdir()
    words = ("--version", "3", "--shard-size", "8", "--workers", "2", "--dask", "local", "--no-log")
    result = run("score", "ward", "--out", "table.parquet", *words)
    assert result.exit_code == NEEDS_PERSON, result.output
    assert asked["score"] == ScoreOptions(
        images=str(tmp_path / "ward"),
        out=str(tmp_path / "table.parquet"),
        version=3,
        shard_size=8,
        workers=2,
        dask="local",
        log=False,
    )
    for told in (
        "1,009 images answered: 1,005 covid, 4 normal.",
        "Model v7 (basic_cnn, decided on 2026-05-01 00:00 UTC, snapshot snapshot7)",
        UNCHECKED,
        "6 images of them had been gone through by an earlier run",
        "75 images could not be answered:",
        "12 x reason 0",
        "7 x others",
        "2 x The image looks inverted.",
        "Passed over: 3 document.",
        f"Table: {tmp_path / 'table.parquet'}",
        NOTICE,
    ):
        assert told in result.output, told


@pytest.mark.parametrize(
    ("place", "out", "message"),
    [
        ("nowhere", "table.parquet", "nowhere is no folder of this machine"),
        ("file.png", "table.parquet", "`xray predict` answers single images"),
        (".", "nowhere/table.parquet", "cannot be written"),
        (".", "table.csv", r"does not end in \.parquet"),
        (".", "J\udcfcrgen.parquet", r"J\\udcfcrgen\.parquet is not UTF-8"),
        (".", "s3://table.parquet", "names no object in a bucket"),
        (".", "s3://bucket/.parquet", "names no object in a bucket"),
        (".", "https://elsewhere/table.parquet", "to a path of this machine or to s3"),
    ],
)
@pytest.mark.usefixtures("home")
def test_score_refuses_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, out: str, message: str
) -> None:
    """What the flow would say after seconds of starting is said before it starts."""
    monkeypatch.setattr(scoring, "start_flow", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.png").touch()
    result = run("score", place, "--out", out)
    assert isinstance(result.exception, InvalidInput)
    assert re.search(message, str(result.exception))


@pytest.mark.usefixtures("home")
def test_a_folder_whose_name_is_no_text_is_asked_for_by_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options are kept as JSON, which such a name cannot stand in."""
    asked: list[ScoreOptions] = []

    def start_flow(_: str, options: ScoreOptions, *__: object, **___: object) -> ScoreOutcome:
        asked.append(options)
        return outcome()

    monkeypatch.setattr(scoring, "start_flow", start_flow)
    folder = tmp_path / "J\udcfcrgen"
    folder.mkdir()
    result = run("score", str(folder), "--out", str(tmp_path / "table.parquet"))
    assert result.exit_code == 0, result.output
    assert ScoreOptions.model_validate_json(asked[0].model_dump_json()).images == f"{tmp_path.as_uri()}/J%FCrgen"


@pytest.mark.usefixtures("home")
def test_score_of_sound_images_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for a person; addresses of a bucket stay as they are."""
    asked: list[ScoreOptions] = []

    def start_flow(_: str, options: ScoreOptions, *__: object, **___: object) -> ScoreOutcome:
        asked.append(options)
        return outcome()

    monkeypatch.setattr(scoring, "start_flow", start_flow)
    result = run("score", "s3://bucket/in", "--out", "s3://bucket/table.parquet")
    assert result.exit_code == 0, result.output
    assert (asked[0].images, asked[0].out) == ("s3://bucket/in", "s3://bucket/table.parquet")
    assert "could not" not in result.output
    assert "earlier run" not in result.output
    assert UNCHECKED not in result.output
