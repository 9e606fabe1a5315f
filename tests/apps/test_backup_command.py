"""`xray backup`: where it is put."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from apps.cli import app
from storage.store import Store
from xray_model.errors import InvalidInput


@pytest.mark.parametrize(("place", "message"), [("not mounted/kept", "no folder"), ("home/kept", "inside the home")])
def test_a_place_that_does_not_keep_is_refused(store: Store, tmp_path: Path, place: str, message: str) -> None:
    """A disk that is not mounted, a misspelt path, and the home itself get no backup, and nothing is made there."""
    assert store
    result = CliRunner().invoke(app, ["backup", str(tmp_path / place)])
    assert isinstance(result.exception, InvalidInput)
    assert message in str(result.exception)
    assert not (tmp_path / place).exists()
