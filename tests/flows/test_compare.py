"""The three recipes on drawn chests: every variant on every fold, once, and the leaderboard that follows."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient

from flows.compare import compare
from flows.running import run_flow
from storage.comparisons import load_fold
from storage.objects import Objects
from storage.predictions import load_predictions
from storage.registry import MODEL_FILE
from storage.settings import Settings
from storage.snapshots import build_snapshot, load_snapshot
from storage.store import Store
from tasks import cells, comparing, features, material
from tasks.cells import Cell
from tasks.material import Material
from tests.flows.conftest import PATIENTS
from xray_model.config import CompareOptions, Search, SearchRange
from xray_model.errors import InvalidInput
from xray_model.outcomes import CellOutcome, CompareOutcome, EpochScore
from xray_model.recipes import read_recipe

pytestmark = pytest.mark.usefixtures("prefect_server")

SMALL = {"weights": "none", "epochs": 1, "precision": "float32"}
TINY = {"backbone": "basic_cnn", "training": {**SMALL, "input_side": 32}, "trials": 0}
"""No network is quicker to build: that each cell is trained, kept and ranked depends on none."""
MOBILE = {"backbone": "mobilenet_v2", "training": {**SMALL, "input_side": 32, "alpha": 0.35}, "trials": 0}


def run(recipe: str, **further: object) -> CompareOutcome:
    """Two folds of a recipe, as small as it can be."""
    options = CompareOptions.model_validate({"recipe": recipe, "folds": 2, **further})
    outcome: CompareOutcome = run_flow(compare, options)
    return outcome


@pytest.mark.parametrize(
    ("recipe", "variants"),
    [
        ("bimcv-imbalance", ["resnet50"]),
        ("three-classes", ["vgg19", "vgg19-augmented", "vit-tiny"]),
        ("pneumonia", ["basic-cnn"]),
    ],
)
def test_a_recipe_is_run_whole(filled: Store, recipe: str, variants: list[str]) -> None:
    """Each variant answers every patient but the gate's once, and what was trained once or left out is said."""
    outcome = run(recipe, **TINY)
    check(outcome, filled, variants)
    put_over, *left_out = outcome.notes
    assert "for every variant that takes it: epochs 1, input_side 32, " in put_over
    assert len(left_out) == len(read_recipe(recipe).variants) - len(variants)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "side", "variants"),
    [
        ("bimcv-imbalance", 32, ["resnet50", "vgg16", "vgg19"]),
        ("three-classes", 32, ["vgg19", "vgg19-augmented", "vgg19-extended", "vit-tiny"]),
        ("pneumonia", 80, ["basic-cnn", "inception-v3", "resnet50", "vgg16"]),
    ],
)
def test_a_recipe_is_run_with_its_own_backbones(filled: Store, recipe: str, side: int, variants: list[str]) -> None:
    """All but ViT-B/16, whose library is not here."""
    check(run(recipe, training={**SMALL, "input_side": side}, trials=0), filled, variants)


def check(outcome: CompareOutcome, store: Store, variants: list[str]) -> None:
    """Every cell is there once, every patient but the gate's was tested once, and the page is there."""
    assert sorted(one.variant for one in outcome.standings) == variants
    f1 = [one.minority_f1.value for one in outcome.standings]
    assert f1 == sorted(f1, reverse=True)
    assert Counter((cell.variant, cell.fold) for cell in outcome.cells) == Counter(
        (variant, fold) for variant in variants for fold in range(2)
    )
    assert outcome.page_key is not None
    assert store.objects.exists(outcome.page_key)
    for variant in variants:
        own = [cell for cell in outcome.cells if cell.variant == variant]
        table = pd.concat([load_predictions(store.objects, cell.predictions_key) for cell in own])
        assert len(table) == table["image_id"].nunique() == outcome.images
        assert all(int(patient, 16) % 9 for patient in table["patient_id"])
        assert own[0].images_per_second > 0
        assert 0 < own[0].trained_parameters <= own[0].parameters


def test_a_comparison_that_was_killed_goes_on(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was trained before the end is not trained again, and a third run trains nothing."""
    trained: list[Cell] = []
    fit = cells._fit_and_answer

    def mortal(store: Store, cell: Cell, run_id: str, path: Path) -> CellOutcome:
        if len(trained) == 1 and dies:
            raise RuntimeError("killed")
        trained.append(cell)
        return fit(store, cell, run_id, path)

    monkeypatch.setattr(cells, "_fit_and_answer", mortal)
    dies = True
    with pytest.raises(RuntimeError, match="killed"):
        run("bimcv-imbalance", **TINY)
    dies = False
    outcome = run("bimcv-imbalance", **TINY)
    assert [cell.fold for cell in trained] == [cell.fold for cell in outcome.cells] == [0, 1]
    assert run("bimcv-imbalance", **TINY) == outcome
    assert len(trained) == 2


def test_another_weight_file_at_the_same_path_is_another_comparison(filled: Store, tmp_path: Path) -> None:
    """Trainings are known by the content of their weights: not by the path, and never by what lay there before."""

    def plan(path: Path) -> comparing.Plan:
        options = CompareOptions.model_validate(
            {"recipe": "bimcv-imbalance", "folds": 2, "training": {"weights": str(path)}}
        )
        found: comparing.Plan = comparing.plan_comparison.fn(read_recipe(options.recipe), options, snapshot(filled))
        return found

    path, elsewhere = tmp_path / "a.weights.h5", tmp_path / "b.weights.h5"
    path.write_bytes(b"some")
    elsewhere.write_bytes(b"some")
    first, same = plan(path), plan(elsewhere)
    path.write_bytes(b"others")
    other = plan(path)
    assert first.comparison_id == same.comparison_id != other.comparison_id
    assert not {cell.mark for cell in first.cells} & {cell.mark for cell in other.cells}
    assert {cell.options.training.weights_sha256 for cell in other.cells} == {hashlib.sha256(b"others").hexdigest()}


def test_training_images_are_in_the_recipe_s_proportions_and_test_images_as_they_are(filled: Store) -> None:
    """One normal image to eight of covid is trained on and chosen by; a fold tests all that there are."""
    plan = comparing.plan_comparison.fn(
        read_recipe("bimcv-imbalance"), CompareOptions(recipe="bimcv-imbalance", folds=2), snapshot(filled)
    )
    for cell in plan.cells[:2]:
        rows = load_fold(filled.objects, cell.folds_id, cell.fold)
        counts = {split: own["label"].value_counts().to_dict() for split, own in rows.items()}
        assert counts["train"]["normal"] == round(counts["train"]["covid"] / 8)
        assert counts["test"]["normal"] > 8
        assert not set(rows["train"]["patient_id"]) & set(rows["test"]["patient_id"])
    assert plan.minority == "normal"


def test_each_training_is_a_run_that_says_what_it_belongs_to(filled: Store) -> None:
    """MLflow has its figures, options and tags, and no model; the frozen part saw no image twice over the folds."""
    outcome = run("bimcv-imbalance", **MOBILE)
    assert sum(cell.training.features_computed for cell in outcome.cells) <= PATIENTS
    assert outcome.cells[1].training.features_reused > 0
    client = MlflowClient(Settings().registry_url)
    for cell in outcome.cells:
        found = client.get_run(cell.training.run_id)
        assert found.info.status == "FINISHED"
        tags = {name.removeprefix("xray."): value for name, value in found.data.tags.items() if "xray." in name}
        assert (
            tags.items()
            >= {
                "comparison": "bimcv-imbalance",
                "variant": cell.variant,
                "fold": str(cell.fold),
                "seed": str(cell.seed),
            }.items()
        )
        assert found.data.metrics["images_per_second"] == cell.images_per_second
        assert MODEL_FILE not in {file.path for file in client.list_artifacts(cell.training.run_id)}


def searching_cell(store: Store, trials: int = 3) -> Cell:
    """The first training of a variant that searches."""
    options = CompareOptions.model_validate({"recipe": "bimcv-imbalance", "folds": 2, **MOBILE, "trials": trials})
    ranges = (
        SearchRange(option="dropout", low=0.1, high=0.6),
        SearchRange(option="rebalancing", choices=("none", "oversample")),
    )
    recipe = read_recipe("bimcv-imbalance")
    variant = recipe.variants[0].model_copy(update={"search": Search(ranges=ranges)})
    recipe = recipe.model_copy(update={"variants": (variant,)})
    cell: Cell = comparing.plan_comparison.fn(recipe, options, snapshot(store)).cells[0]
    return cell


def test_a_search_sees_no_test_image_of_its_fold(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """All trials together look at the images that the fold trains and chooses by, and at no other."""
    seen: set[str] = set()
    gather = features.gather_features

    def watch(store: Store, frozen: object, rows: pd.DataFrame, *further: Any) -> Any:
        seen.update(rows["image_id"])
        return gather(store, frozen, rows, *further)

    monkeypatch.setattr(material, "gather_features", watch)
    cell = searching_cell(filled)
    found = cells.search_cell(filled, cell)
    rows = load_fold(filled.objects, cell.folds_id, cell.fold)
    assert found.trials == 3
    assert seen == {*rows["train"]["image_id"], *rows["validation"]["image_id"]}
    assert not seen & {*rows["test"]["image_id"]}
    assert not [*(Settings().home / "training").glob("*")]


def test_a_search_that_was_killed_goes_on(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials that had ended are not trained again."""
    tried: list[float] = []

    def die_at_third(store: Store, material: Material) -> EpochScore:
        tried.append(material.training.dropout)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return EpochScore(epoch=1, loss=1, validation_loss=1, validation_minority_f1=1 - material.training.dropout)

    monkeypatch.setattr(cells, "try_material", die_at_third)
    cell = searching_cell(filled, trials=5)
    with pytest.raises(KeyboardInterrupt):
        cells.search_cell(filled, cell)
    found = cells.search_cell(filled, cell)
    assert len(tried) == 6
    assert tried[2] == tried[3]
    assert found.options.dropout == min(tried)
    assert cell.options.training.dropout != found.options.dropout


def test_a_variant_is_trained_with_what_its_search_chose(filled: Store) -> None:
    """Each fold chooses for itself, and trains and tells what it chose; variants without a search choose nothing."""
    outcome = run("pneumonia", **MOBILE | {"trials": 2})
    for cell in outcome.cells:
        if cell.variant == "vgg16-searched":
            assert cell.trials == 2
            assert cell.chosen.keys() == {"dropout", "hidden_units", "learning_rate", "rebalancing"}
            assert cell.training.hidden_units == cell.chosen["hidden_units"]
            assert cell.training.rebalancing == cell.chosen["rebalancing"]
        else:
            assert (cell.trials, cell.chosen) == (0, {})
    chosen = [cell.chosen for cell in outcome.cells if cell.chosen]
    assert len(chosen) == 2
    assert outcome.page_key is not None
    assert b"What the search chose" in filled.objects.get(outcome.page_key)


def test_a_store_without_such_images_is_told_so(store: Store) -> None:
    """Nothing is trained on nothing."""
    with pytest.raises(InvalidInput, match="no image of covid or normal is accepted yet"):
        run("bimcv-imbalance")


def test_a_class_without_images_is_told_before_anything_is_trained(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images of the other classes do not begin a comparison that cannot end."""
    monkeypatch.setattr(comparing, "load_snapshot", _without_pneumonia)
    with pytest.raises(InvalidInput, match="no image of pneumonia is accepted yet"):
        run("three-classes", **TINY)


def _without_pneumonia(objects: Objects, snapshot_id: str) -> pd.DataFrame:
    rows = load_snapshot(objects, snapshot_id)
    return rows[rows["label"] != "pneumonia"]


def snapshot(store: Store) -> str:
    """The snapshot of the recipe on BIMCV."""
    return build_snapshot(store.objects, read_recipe("bimcv-imbalance").snapshot).snapshot_id
