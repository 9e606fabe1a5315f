"""Small cohorts, written once for all tests that only look at them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xray_model.data.phantoms import CohortOptions, Written, write_bimcv, write_class_folders

Batch = tuple[Path, Written]

SMALL = {"smallest_side": 160, "largest_side": 200}
THREE = {"covid": 4.0, "normal": 2.0, "pneumonia": 2.0}


def options(**changes: object) -> CohortOptions:
    """A cohort of 24 patients with all findings and small pictures."""
    return CohortOptions.model_validate({"patients": 24, "shares": THREE, "seed": 7, **SMALL, **changes})


@pytest.fixture(scope="session")
def bimcv(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """A batch in the BIMCV layout: look, do not touch."""
    folder = tmp_path_factory.mktemp("bimcv")
    return folder, write_bimcv(folder, options(lateral_share=0.2))


@pytest.fixture(scope="session")
def kaggle(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """A batch in the Kaggle layout: look, do not touch."""
    folder = tmp_path_factory.mktemp("kaggle")
    return folder, write_class_folders(folder, options(shares={"normal": 1, "pneumonia": 2}, children=True))


@pytest.fixture
def make_options() -> Callable[..., CohortOptions]:
    """Makes a small cohort's options, with changes."""
    return options


def read_tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder by name."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def tree_of() -> Callable[[Path], dict[str, bytes]]:
    """Reads all files below a folder by name."""
    return read_tree
