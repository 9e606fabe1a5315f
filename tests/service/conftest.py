"""A real browser, and a real console that it visits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apps.cli import app
from tests.servers.browser import Tab
from tests.servers.console import console_server
from tests.servers.devtools import Connection, chromium, find_chromium
from tests.service.visits import Visit


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """One browser for all tests here, each with a tab of its own; they are skipped where there is none."""
    if find_chromium() is None:
        pytest.skip("there is no Chromium or Chrome on the path")
    with chromium(tmp_path_factory.mktemp("browser") / "profile") as connection:
        yield connection


@pytest.fixture
def visit(browser: Connection, home: Path, tmp_path: Path) -> Iterator[Visit]:
    """A browser at a console that has one steward, Ada."""
    added = CliRunner().invoke(app, ["console", "add", "Ada", "--role", "steward"])
    assert added.exit_code == 0, added.output
    with console_server(tmp_path / "console.log") as origin:
        tab = Tab(browser)
        yield Visit(tab, origin, added.output.split()[-1])
        tab.save_picture(tmp_path / "last-page.png")  # for whoever asks why a test failed
        tab.close()
