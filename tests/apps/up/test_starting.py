"""What `xray up` looks at before it starts anything, and what it says."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.deployments import read_deployments
from apps.prefect_api import PrefectApi
from apps.up import services, starting
from apps.up.lock import find_running, hold_home
from apps.up.logs import KEPT, last_lines, open_log, turn_over
from apps.up.ports import Ports, check_free
from apps.up.services import child_environment, plan_services, pools_to_serve
from storage.settings import Settings
from xray_model.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]
API = "http://127.0.0.1:4200/api"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_taken_port_is_refused_with_who_has_it(taken: int) -> None:
    """The message names the process, its user and the option; nothing is started."""
    with pytest.raises(ConfigurationError, match=rf"port {taken} is taken by process {os.getpid()} .* --console-port"):
        check_free({"--console-port": taken})
    with pytest.raises(ConfigurationError, match="same port"):
        check_free({"--console-port": 4200, "--prefect-port": 4200})


def test_one_home_has_one_up(home: Path) -> None:
    """A second one is refused with the process of the first, which is found by others; afterwards there is none."""
    with hold_home(home, API):
        with pytest.raises(ConfigurationError, match=f"process {os.getpid()}, its Prefect server at {API}"):
            subprocess_hold(home)
        found = find_running(home)
        assert found is not None
        assert (found.pid, found.api) == (os.getpid(), API)
    assert find_running(home) is None
    with hold_home(home, API):
        assert find_running(home)


def subprocess_hold(home: Path) -> None:
    """Try to hold the home as another process would: each opening of the file has a lock of its own."""
    with hold_home(home, API):
        raise AssertionError("held twice")


def test_lock_of_a_killed_process_holds_nobody_up(home: Path) -> None:
    """What a killed one left in the file is no running one, also where another process has its id by now."""
    code = (
        "import os; from pathlib import Path; from apps.up.lock import hold_home\n"
        f"with hold_home(Path({str(home)!r}), 'x'): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == -signal.SIGKILL
    assert (home / "up.json").read_text()
    assert find_running(home) is None
    (home / "up.json").write_text(json.dumps({"pid": os.getpid(), "begun": 1.0, "api": API}))
    assert find_running(home) is None
    with hold_home(home, API):
        assert find_running(home)


def test_other_prefect_server_is_not_passed_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PREFECT_API_URL names another server, none is started beside it."""
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.hospital.example/api")
    with pytest.raises(ConfigurationError, match="names another server"):
        starting.run_up(Ports())
    assert not home.exists()


def test_children_get_the_home_and_the_server(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever folder they run in: an absolute home, the server's address, and no proxy before loopback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XRAY_HOME", "here")
    monkeypatch.setenv("NO_PROXY", "hospital.example")
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    environment = child_environment(Settings(), Ports(prefect=4300))
    assert environment["XRAY_HOME"] == str(tmp_path / "here")
    assert environment["PREFECT_HOME"] == str(tmp_path / "here" / "prefect")
    assert environment["PREFECT_API_URL"] == "http://127.0.0.1:4300/api"
    assert environment["NO_PROXY"] == "hospital.example,127.0.0.1,localhost"


def test_every_pool_that_is_named_gets_a_worker(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pools of prefect.yaml and the one of XRAY_GPU_POOL; they are stopped first, the server last."""
    assert set(pools_to_serve(Settings())) == {one.pool for one in read_deployments()}
    monkeypatch.setenv("XRAY_GPU_POOL", "big")
    pools = pools_to_serve(Settings())
    assert pools[-1] == "big"
    server, *_, workers = plan_services(Settings(), Ports(), pools)
    assert [one.name for one in server] == ["server"]
    assert [one.name for one in workers] == [f"worker-{pool}" for pool in pools]
    assert all(one.ended_last for one in workers)


@pytest.mark.parametrize(("installed", "registry"), [(False, ""), (True, ""), (True, "http://me:secret@mlflow/")])
def test_mlflow_is_served_where_it_can_be(
    home: Path, monkeypatch: pytest.MonkeyPatch, installed: bool, registry: str
) -> None:
    """Its pages need the extra, and a registry that is no server already; no password is shown."""
    monkeypatch.setattr(services, "can_show_mlflow", lambda: installed)
    monkeypatch.setattr(starting, "can_show_mlflow", lambda: installed)
    monkeypatch.setenv("XRAY_REGISTRY", registry)
    names = [one.name for rank in plan_services(Settings(), Ports(), ["cpu"]) for one in rank]
    assert ("mlflow" in names) == (installed and not registry)
    said = starting.say_where(Settings(), Ports())
    assert ("pip install 'xray-pipeline[mlflow-ui]'" in said) == (not installed)
    assert ("http://127.0.0.1:5000" in said) == (installed and not registry)
    assert "secret" not in said
    assert "nightly/nightly at 0 2 * * * UTC" in said


def test_password_of_the_registry_stands_in_no_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of a command can be read by every account of the machine."""
    monkeypatch.setenv("XRAY_REGISTRY", "postgresql://mlflow:secret@db/mlflow")
    monkeypatch.setattr(services, "can_show_mlflow", lambda: True)
    (mlflow,) = [one for rank in plan_services(Settings(), Ports(), []) for one in rank if one.name == "mlflow"]
    assert "secret" not in " ".join(mlflow.command)
    assert "secret" in mlflow.environment["MLFLOW_BACKEND_STORE_URI"]


def test_logs_are_bounded(tmp_path: Path) -> None:
    """A log that is too long moves to `.1`, also under a process that goes on writing; the oldest is dropped."""
    path = tmp_path / "logs" / "server.log"
    with open_log(path) as log:
        for number in range(KEPT + 3):
            log.write(f"life {number}\n".encode() * 10)
            turn_over(path, 20)
        log.write(b"last\n")
    assert path.read_bytes() == b"last\n"
    older = sorted(one.name for one in path.parent.iterdir() if one != path)
    assert older == [f"server.log.{number}" for number in range(1, KEPT + 1)]
    assert last_lines(path.with_name("server.log.1"), 1) == f"    life {KEPT + 2}"
    assert path.parent.stat().st_mode & 0o077 == 0


def test_server_that_is_none_is_told_from_prefect(taken: int) -> None:
    """A port that somebody else listens on answers nothing, and a port that nobody listens on neither."""
    assert not PrefectApi(f"http://127.0.0.1:{taken}/api", seconds=0.5).answers()
    assert not PrefectApi("http://127.0.0.1:9/api").answers()
