"""The commands of the documents: those of README.md and docs/operations.md, and what each needs to be run here."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.backups import load_backup
from storage.catalog import batch_ids, load_rows
from storage.decisions import load_decisions
from storage.exploration import choose_snapshot
from storage.objects import open_objects
from storage.settings import Settings
from storage.store import open_store
from xray_model.config import SnapshotOptions

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/operations.md")
_NIGHT = "--epochs 3 --set input_side=64 --set gate.floor=0 --set gate.recall_floor=0 --set gate.skill_confidence=0"
_COMMAND = re.compile(r"^\$ (.+?)(?:\s+#.*)?$", re.MULTILINE)

_SERVES = "serves until it is stopped: "
_CHANGES = "needs models that wait, or a rule that asks for another bound: "
NOT_RUN = {
    "make demo": "minutes: CI's own image is the place, and tests/apps/test_cli.py holds its parts",
    "make test": "is what runs this",
    "make env": "installs packages: the environment of this test was made by it",
    "xray nightly --backbone mobilenet_v2 --weights imagenet": "downloads weights",
    "xray demo --backbone mobilenet_v2 --weights mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5": (
        "needs that file: tests marked `real` have it"
    ),
    "xray nightly": "takes minutes: the one for two classes is run",
    "xray compare three-classes": "downloads weights: tests/flows/test_compare.py runs all recipes without",
    "xray compare pneumonia --backbone mobilenet_v2 --weights "
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5": (
        "needs that file: tests/flows/test_compare.py has another backbone in its place"
    ),
    "xray console": f"{_SERVES}tests/service/test_console_pages.py",
    "xray console --no-predict": f"{_SERVES}tests/apps/console/test_serving.py",
    "xray console --host 0.0.0.0 --name desk.hospital.example --certificate desk.pem --key desk.key": (
        f"{_SERVES}tests/apps/console/test_guard.py"
    ),
    "xray up": f"{_SERVES}tests/apps/up",
    'xray expectations accept too-few-grays --proposal 1a2b3c4d --why "all our images have far more"': (
        f"{_CHANGES}tests/apps/test_expectations.py"
    ),
    'xray expectations reset too-few-grays --why "the mobile unit\'s images have fewer"': (
        f"{_CHANGES}tests/apps/test_expectations.py"
    ),
    'xray models approve 4 --why "the gain holds in both sources"': f"{_CHANGES}tests/apps/test_models.py",
    'xray models refuse 4 --why "too few women among the test patients"': f"{_CHANGES}tests/apps/test_models.py",
    'xray models rollback --why "misses pneumonia in images of the new scanner"': (
        f"{_CHANGES}tests/apps/test_models.py"
    ),
    "export PREFECT_API_URL=http://127.0.0.1:4200/api": "a setting of the shell",
    "prefect deployment run nightly/nightly": "needs a server with workers: tests/service/test_deployments.py",
    "prefect deployment ls": "needs a server with deployments",
    "prefect deployment schedule ls nightly/nightly": "needs a server with deployments",
    "xray backup s3://backups/xray": "needs that bucket: tests/storage/test_backups.py has one",
    "pg_dump --format=custom --file=mlflow.dump mlflow": "needs PostgreSQL",
    "pg_restore --create --dbname=postgres mlflow.dump": "needs PostgreSQL",
}
"""Commands that the test does not run, each with its reason, and where it is run if anywhere."""


_SCENE: dict[str, Callable[["Scene"], str]] = {
    "~/covid19_posi": lambda scene: str(scene.folder / "covid19_posi"),
    "~/ward": lambda scene: str(scene.folder / "covid19_posi"),
    "chest.png": lambda scene: str(next((scene.folder / "covid19_posi").rglob("*.png"))),
    "heat-maps": lambda scene: str(scene.folder / "heat-maps"),
    "predictions.parquet": lambda scene: str(scene.folder / "predictions.parquet"),
    "--classes covid,normal": lambda _: f"--classes covid,normal {_NIGHT} --set gate.minimum_patients=1",
    "bimcv.iteration-1.0a1b2c3d4e5f": lambda scene: scene.batch_id(),
    "5f0c9e1b": lambda scene: scene.quarantined(),
    "8c1f0a9b2d3e4f50": lambda scene: scene.decision(),
    "/mnt/backups/xray": lambda scene: str(scene.folder / "backups"),
    "2ff4c81d": lambda scene: scene.snapshot(),
    "20261121T020000Z": lambda scene: scene.backup(),
    ".venv/bin/xray": lambda _: "xray",
}
"""What stands in the documents as an example, and what it is in the scene."""


@dataclass(frozen=True)
class Scene:
    """A home in which a document's examples have something to be about."""

    folder: Path

    def fit(self, command: str) -> list[str]:
        """The words after `xray`, about what is there."""
        for example, find in _SCENE.items():
            if example in command:
                command = command.replace(example, find(self))
        return shlex.split(command)[1:]

    def batch_id(self) -> str:
        """The batch that was read."""
        return batch_ids(open_store(Settings()).objects)[0]

    def quarantined(self) -> str:
        """An image that a person may release."""
        rows = load_rows(open_store(Settings()).objects, ["image_id", "unreadable"], statuses=("quarantined",))
        return str(rows.loc[rows["unreadable"].isna(), "image_id"].iloc[0])

    def snapshot(self) -> str:
        """A snapshot that was trained on."""
        return choose_snapshot(open_store(Settings()).objects, None, SnapshotOptions())

    def decision(self) -> str:
        """The last decision."""
        return load_decisions(open_store(Settings()).objects)[self.batch_id()][-1].id

    def backup(self) -> str:
        """The only backup."""
        return load_backup(open_objects((self.folder / "backups").as_uri())).name


def read_commands() -> dict[str, None]:
    """Every command line of the documents, once, in order."""
    return dict.fromkeys(found for name in DOCUMENTS for found in _COMMAND.findall((ROOT / name).read_text()))
