"""`xray doctor`: what it finds, what it says to do, and that it leaves everything as it is."""

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import pytest
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group
from typer.testing import CliRunner, Result

from apps.cli import app
from apps.doctor import keeping, networks
from apps.doctor.examining import examine
from storage.registry import Registry
from storage.settings import Settings
from storage.store import open_store
from xray_model.errors import ConfigurationError
from xray_model.network import devices
from xray_model.network.backbones import BACKBONES

PUBLISHED = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


@pytest.fixture(autouse=True)
def keras_home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for Keras' weights, no preset of keras-hub, and no network at all."""

    def refuse(*_: object) -> None:
        raise OSError("no network in this test")

    folder = tmp_path / "keras"
    folder.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(folder))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return folder


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file of MobileNetV2 as Keras 3 writes it, and beside it one as Keras publishes it."""
    model = keras.applications.MobileNetV2((224, 224, 3), include_top=False, pooling="avg", weights=None)
    path = tmp_path_factory.mktemp("weights") / "mine.weights.h5"
    model.save_weights(path)
    with h5py.File(path.with_name(PUBLISHED), "w") as file:
        save_weights_to_hdf5_group(file, model)
    return path


def ask(*words: str) -> Result:
    """What `xray doctor` prints and its exit code."""
    return CliRunner().invoke(app, ["doctor", *words], catch_exceptions=False)


def line(result: Result, subject: str) -> str:
    """The one line about a subject."""
    (found,) = (text for text in result.output.splitlines() if f" {subject} " in text)
    return found


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_fresh_installation_is_told_which_file_goes_where(home: Path, keras_home: Path) -> None:
    """Every published backbone's file is named with its folder; nothing is wrong, and nothing is made."""
    result = ask()
    assert result.exit_code == 0, result.output
    for backbone in BACKBONES.values():
        told = line(result, f"weights of {backbone.name}")
        if backbone.imagenet_file:
            name = backbone.imagenet_name(backbone.default_side)
            assert told.startswith("missing")
            assert f"put {name} into {keras_home / 'models'}, or give its path with --weights" in told
    assert line(result, "weights of basic_cnn").startswith("ok")
    assert not home.exists()
    assert not list(keras_home.iterdir())


def test_what_is_begun_is_found_and_left_as_it_is(home: Path, keras_home: Path) -> None:
    """A store, a registry and a weight file that are there are said to be, and no byte of them changes."""
    open_store(Settings())
    with Registry(Settings()).training_run("name"):
        pass
    (keras_home / "models").mkdir()
    (keras_home / "models" / PUBLISHED).touch()
    before = tree(home)
    result = ask()
    assert result.exit_code == 0, result.output
    assert "begins with" not in result.output
    assert line(result, "weights of mobilenet_v2").endswith(PUBLISHED)
    assert tree(home) == before


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("XRAY_SIDE", "7", "problem  XRAY_SIDE"),
        ("XRAY_SIDE", "224", "begun with other settings: side is 320"),
        ("XRAY_SALT", "another", "begun with other settings: salt_check"),
        ("XRAY_SALT", "", "begun with a salt that is not here"),
        ("XRAY_STORE", "ftp://somewhere", "names no store"),
        ("XRAY_REGISTRY", "http://127.0.0.1:9", "registry at http://127.0.0.1:9 cannot be used"),
        ("XRAY_REGISTRY", "http://me:secret@127.0.0.1:9", "registry at http://127.0.0.1:9 cannot be used"),
        ("XRAY_REGISTRY", "sqlite:///{text}", "cannot be used (DatabaseError)"),
        ("XRAY_HOME", "{text}", "cannot be written: set XRAY_HOME"),
        ("XRAY_STORE", "file://{text}", "cannot be written: set XRAY_STORE"),
    ],
)
def test_wrong_setting_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """A setting that cannot work is said with what to do, and the exit code is 1; a password is not told."""
    open_store(Settings())
    (tmp_path / "text").write_text("no database, and no folder")
    monkeypatch.setenv(name, value.format(text=tmp_path / "text"))
    result = ask()
    assert result.exit_code == 1
    assert words in result.output
    assert "secret@" not in result.output


def test_backend_that_is_not_installed_is_a_problem(home: Path) -> None:
    """Without what Keras is told to run on nothing can be trained: said in a line, not by a traceback."""
    environment = {**os.environ, "KERAS_BACKEND": "nonesuch"}
    code = "import sys; from apps.cli import main; sys.argv = ['xray', 'doctor']; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "problem  Keras" in done.stdout
    assert "set KERAS_BACKEND" in done.stdout
    assert "Traceback" not in done.stderr


def test_shared_store_without_salt_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that share a store must share the salt."""
    monkeypatch.delenv("XRAY_SALT")
    monkeypatch.setenv("XRAY_STORE", "s3://bucket/prefix")
    finding = keeping._check_salt(Settings())
    assert (finding.state, "XRAY_SALT is not set" in finding.words) == ("problem", True)


def test_weight_file_is_really_loaded(weight_file: Path, keras_home: Path) -> None:
    """A good file is loaded into the backbone and told with its sha256, given by its path or put where Keras looks."""
    (keras_home / "models").mkdir()
    cached = keras_home / "models" / PUBLISHED
    cached.write_bytes(weight_file.with_name(PUBLISHED).read_bytes())
    for path, words in ((weight_file, ["--weights", str(weight_file)]), (cached, [])):
        result = ask("--backbone", "mobilenet_v2", *words)
        assert result.exit_code == 0, result.output
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert line(result, "weights of mobilenet_v2").endswith(f"loaded from {path}, sha256 {digest}")
        assert "weights of vgg16" not in result.output


def test_width_is_that_of_the_weights(weight_file: Path) -> None:
    """Weights of a narrower network fit only where the width is named, which says nothing without a backbone."""
    assert ask("--backbone", "mobilenet_v2", "--weights", str(weight_file), "--alpha", "0.35").exit_code == 1
    result = ask("--backbone", "mobilenet_v2", "--weights", str(weight_file), "--alpha", "1")
    assert result.exit_code == 0, result.output
    with pytest.raises(ConfigurationError, match="name the backbone"):
        examine(None, None, 0.35)


def test_champion_behind_a_registry_that_is_down_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights cannot be had then: a line that says so, no traceback."""
    open_store(Settings())
    monkeypatch.setenv("XRAY_REGISTRY", "http://127.0.0.1:9")
    result = ask("--backbone", "mobilenet_v2", "--weights", "champion")
    assert result.exit_code == 1
    told = line(result, "weights of mobilenet_v2")
    assert told.startswith("problem")
    assert "cannot be used" in told


def test_weights_in_the_store_are_fetched_and_loaded(weight_file: Path) -> None:
    """An object of a store that is begun is loaded as a training would."""
    open_store(Settings()).objects.put_file("weights/mine.weights.h5", weight_file)
    result = ask("--backbone", "mobilenet_v2", "--weights", "store:weights/mine.weights.h5")
    assert result.exit_code == 0, result.output
    assert hashlib.sha256(weight_file.read_bytes()).hexdigest() in line(result, "weights of mobilenet_v2")


def test_weights_that_were_asked_for_and_are_not_there_are_a_problem(keras_home: Path) -> None:
    """Without its ImageNet file a backbone cannot start from it offline: exit code 1, and what to put where."""
    result = ask("--backbone", "mobilenet_v2")
    assert result.exit_code == 1
    assert f"put {PUBLISHED} into {keras_home / 'models'}" in line(result, "weights of mobilenet_v2")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("{folder}/cut.weights.h5", "cut short"),
        ("{folder}/page.weights.h5", "a page may have been saved in its place"),
        ("{folder}/nowhere.weights.h5", "there is no weight file nowhere.weights.h5"),
        ("{folder}/mine.weights.h5", "do not fit densenet121"),
        ("imagenet", "is not there: put densenet121_weights"),
        ("champion", "the store is not begun"),
    ],
)
def test_wrong_weights_are_a_problem(weight_file: Path, tmp_path: Path, weights: str, words: str) -> None:
    """Weights that are damaged, missing or made for another backbone: exit code 1 and the words of a training."""
    (tmp_path / "cut.weights.h5").write_bytes(weight_file.read_bytes()[:100_000])
    (tmp_path / "page.weights.h5").write_text("<html>sign in</html>")
    (tmp_path / "mine.weights.h5").write_bytes(weight_file.read_bytes())
    result = ask("--backbone", "densenet121", "--weights", weights.format(folder=tmp_path))
    assert result.exit_code == 1
    told = line(result, "weights of densenet121")
    assert told.startswith("problem")
    assert words in told


@pytest.mark.parametrize(
    ("installed", "there", "state", "words"),
    [
        (False, False, "missing", "pip install 'xray-pipeline[vit]'"),
        (True, False, "missing", "keras-hub is installed"),
        (True, True, "ok", "vit_base_patch16_224_imagenet"),
    ],
)
def test_preset_of_keras_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool, there: bool, state: str, words: str
) -> None:
    """ViT-B/16 needs keras-hub and its preset: which of them is missing, and how to bring it."""
    monkeypatch.setattr(networks, "find_spec", lambda _: object() if installed else None)
    folder = tmp_path / "kagglehub" / "models" / "keras" / "vit" / "keras" / "vit_base_patch16_224_imagenet"
    if there:
        folder.mkdir(parents=True)
    told = line(ask(), "weights of vit_b16")
    assert told.startswith(state)
    assert words in told
    assert str(folder.parents[1]) in told
    assert ask("--backbone", "vit_b16").exit_code == (0 if state == "ok" else 1)


@pytest.mark.parametrize(
    ("file", "hidden", "words"),
    [
        ("nvidia3", False, "pip install 'xray-pipeline[gpu]'"),
        ("nvidia3", True, "CUDA_VISIBLE_DEVICES hides it"),
        ("nvidiactl", False, ""),
    ],
)
def test_gpu_that_keras_does_not_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, hidden: bool, words: str
) -> None:
    """A GPU that the kernel shows and Keras has not got is a warning that says why; without one nothing is said."""
    (tmp_path / file).touch()
    monkeypatch.setattr(networks, "_DEVICES", tmp_path)
    monkeypatch.setattr(devices, "find_devices", lambda: devices.Devices("tensorflow", "3", ()))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = list(networks._check_gpu())
    assert [(one.state, words in one.words) for one in found] == ([("warning", True)] if words else [])


def test_unknown_backbone_and_weights_for_none() -> None:
    """An unknown name is a problem; weights without a backbone are refused."""
    result = ask("--backbone", "nonesuch")
    assert result.exit_code == 1
    assert "there is no backbone nonesuch" in result.output
    with pytest.raises(ConfigurationError, match="--backbone"):
        ask("--weights", "x.weights.h5")
