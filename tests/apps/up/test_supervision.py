"""Supervision, with tiny processes in place of servers."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import psutil
import pytest

from apps.up.family import MARK, Patience, end_marked, find_marked
from apps.up.supervision import Place, Policy, Service, Supervisor

ROOT = Path(__file__).resolve().parents[3]
QUICK = Policy(first_delay=0.05, longest_delay=0.1, fast=30, most_fast=3, ready=20, patience=Patience(1.0, 1.0))
STOPPING = "Stopping: the workers first, then the rest. Once more kills what is left."
SLEEPER = "import time; time.sleep(600)"


def run_python(code: str) -> tuple[str, ...]:
    """The command of a process that does `code`."""
    return (sys.executable, "-S", "-c", code)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place of its own, with logs."""
    return Place(f"{secrets.token_hex(8)}/", ROOT, tmp_path / "logs", dict(os.environ))


def supervise(
    place: Place,
    *ranks: Sequence[Service],
    then: Mapping[str, tuple[str, ...]] | None = None,
    begun: Callable[[], None] = lambda: None,
) -> tuple[int, str]:
    """The exit code, and everything that was told."""
    told: list[str] = []

    async def supervised() -> int:
        return await Supervisor(place, told.append, QUICK).supervise(ranks, then or {}, begun)

    return asyncio.run(supervised()), "\n".join(told)


def stop() -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def test_what_dies_is_started_again(place: Place, tmp_path: Path) -> None:
    """A process that dies twice and then lives is running in the end, and its log tells of three lives."""
    lives = tmp_path / "lives"
    code = (
        f"import pathlib, sys, time; lives = pathlib.Path({str(lives)!r})\n"
        "with lives.open('a') as file: file.write('x')\n"
        "print('alive', flush=True)\n"
        "sys.exit(7) if lives.stat().st_size < 3 else time.sleep(600)"
    )
    service = Service("fragile", run_python(code), ready=lambda: lives.is_file() and lives.stat().st_size == 3)
    code_of_exit, told = supervise(place, [service], begun=stop)
    assert code_of_exit == 0
    assert told.count("fragile ended with exit code 7; it is started again") == 2
    assert (place.logs / "fragile.log").read_text().count("alive") == 3
    assert find_marked(place.mark) == []


@pytest.mark.parametrize("essential", [True, False])
def test_what_dies_at_once_is_given_up(place: Place, essential: bool) -> None:
    """After some fast deaths it is given up with the end of its log: all stops, or the others go on without it."""
    other = Service("other", run_python(SLEEPER))
    words = run_python("raise SystemExit('no such database')")
    broken = Service("broken", words, ready=lambda: False, essential=essential)
    begun: list[int] = []

    def note_and_stop() -> None:
        begun.append(len(find_marked(place.mark)))
        stop()

    code, told = supervise(place, [other, broken], begun=note_and_stop)
    assert code == 1
    assert told.count("broken ended 3 times within 30 s of its start, and is given up") == 1
    assert "    no such database" in told
    assert "does not answer" not in told
    assert begun == ([] if essential else [1])
    assert find_marked(place.mark) == []


def test_what_never_answers_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that runs and does no work is a failure too."""
    monkeypatch.setattr(sys.modules[__name__], "QUICK", replace(QUICK, ready=1.0))
    code, told = supervise(place, [Service("mute", run_python(SLEEPER), ready=lambda: False)])
    assert (code, "mute does not answer after 1 s" in told) == (1, True)
    assert find_marked(place.mark) == []


def test_log_that_cannot_be_written_stops_all(place: Place) -> None:
    """The supervisor's own trouble is no reason to leave something running unwatched."""
    place.logs.touch()
    with pytest.raises(FileExistsError):
        supervise(place, [Service("other", run_python(SLEEPER))])
    assert find_marked(place.mark) == []


def test_ranks_are_stopped_in_the_opposite_order(place: Place, tmp_path: Path) -> None:
    """The last rank is stopped first, and each once those after it are gone."""
    order = tmp_path / "order"

    def teller(name: str) -> Service:
        code = (
            "import signal, sys, time\n"
            f"def say(words):\n  with open({str(order)!r}, 'a') as file: file.write(words + ' ')\n"
            f"def end(*_): time.sleep(.3); say('-{name}'); sys.exit()\n"
            f"signal.signal(signal.SIGTERM, end); say('+{name}'); time.sleep(600)"
        )
        return Service(name, run_python(code), ready=lambda: order.is_file() and f"+{name}" in order.read_text())

    code, _ = supervise(place, *([teller(name)] for name in ("server", "console", "worker")), begun=stop)
    assert code == 0
    assert order.read_text().split()[3:] == ["-worker", "-console", "-server"]


def test_nothing_is_started_before_what_it_needs(place: Place, tmp_path: Path) -> None:
    """A worker waits for its server, and the commands for both."""
    server_up, worker_up = tmp_path / "server", tmp_path / "worker"
    slow = run_python(f"import time; time.sleep(1); open({str(server_up)!r}, 'w'); {SLEEPER}")
    quick = run_python(f"import os; os.link({str(server_up)!r}, {str(worker_up)!r}); {SLEEPER}")
    check = run_python(f"import os, sys; sys.exit(not os.path.exists({str(worker_up)!r}))")
    server = Service("server", slow, ready=server_up.exists)
    worker = Service("worker", quick, ready=worker_up.exists, needs=server_up.exists)
    assert supervise(place, [server], [worker], then={"deploy": check}, begun=stop) == (0, STOPPING)


def test_command_that_fails_stops_all(place: Place) -> None:
    """A deployment that fails is told with its log, and nothing is left running."""
    failing = run_python("raise SystemExit('pool not found')")
    code, told = supervise(place, [Service("server", run_python(SLEEPER))], then={"deploy": failing})
    assert code == 1
    assert "deploy failed with exit code 1" in told
    assert "    pool not found" in told
    assert find_marked(place.mark) == []


def test_what_heeds_no_signal_is_killed(place: Place, tmp_path: Path) -> None:
    """A process that ignores SIGTERM, and its child in a session of its own, are gone after the deadlines."""
    ready = tmp_path / "ready"
    child = f"[{sys.executable!r}, '-S', '-c', {SLEEPER!r}]"
    code = (
        "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"subprocess.Popen({child}, start_new_session=True); open({str(ready)!r}, 'w'); time.sleep(600)"
    )
    counted: list[int] = []

    def begun() -> None:
        counted.append(len(find_marked(place.mark)))
        stop()

    assert supervise(place, [Service("deaf", run_python(code), ready=ready.exists)], begun=begun)[0] == 0
    assert counted == [2]
    assert find_marked(place.mark) == []


def test_flow_runs_are_asked_before_their_worker(place: Place, tmp_path: Path) -> None:
    """With `leader_last` the child ends and reports before the leader is told anything."""
    order = tmp_path / "order"
    handler = (
        "import signal, subprocess, sys, time\n"
        "def end(*_):\n"
        f"  with open({str(order)!r}, 'a') as file: file.write(sys.argv[1] + ' ')\n"
        "  sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True)\n"
    )
    start = "subprocess.Popen([sys.executable, '-S', '-c', sys.argv[2], 'run']); time.sleep(600)"
    words = [*run_python(handler + start), "worker", handler + "time.sleep(600)"]
    environment = {**os.environ, MARK: place.mark}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        assert [worker.stdout.readline(), worker.stdout.readline()] == [b"ready\n"] * 2
        end_marked(place.mark, worker.pid, Patience(5, 5), Event(), leader_last=True)
    assert order.read_text().split() == ["run", "worker"]


def test_second_signal_waits_for_nothing(place: Place, tmp_path: Path) -> None:
    """Ctrl-C once more kills at once what takes its time to end."""
    ready = tmp_path / "ready"
    code = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); {SLEEPER}"
    patient = Policy(patience=Patience(60, 60))

    async def supervised() -> int:
        services = [Service("slow", run_python(code), ready=ready.exists)]

        def begun() -> None:
            stop()
            Timer(0.5, stop).start()

        return await Supervisor(place, lambda _: None, patient).supervise([services], {}, begun)

    started = time.monotonic()
    assert asyncio.run(supervised()) == 0
    assert time.monotonic() - started < 20
    assert find_marked(place.mark) == []


_SUPERVISED = """
import asyncio, os, sys
from pathlib import Path
from apps.up.supervision import Place, Service, Supervisor
code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-S', '-c', sys.argv[1]]); time.sleep(600)"
service = Service("tree", (sys.executable, "-S", "-c", code, "import time; time.sleep(600)"))
place = Place(sys.argv[1], Path.cwd(), Path(sys.argv[2]), dict(os.environ))
async def run():
    await Supervisor(place, print).supervise([[service]], {})
asyncio.run(run())
"""


def test_nothing_outlives_a_killed_supervisor(place: Place) -> None:
    """After SIGKILL, which nobody can catch, its processes and theirs end all the same, the guard last."""
    supervisor = subprocess.Popen([sys.executable, "-c", _SUPERVISED, place.mark, str(place.logs)], cwd=ROOT)
    assert wait_until(lambda: len(find_marked(place.mark)) == 2)
    (guard,) = [one for one in psutil.Process(supervisor.pid).children() if "apps.up.guard" in one.cmdline()]
    supervisor.kill()
    supervisor.wait()
    assert wait_until(lambda: not find_marked(place.mark))
    assert wait_until(lambda: not guard.is_running() or guard.status() == psutil.STATUS_ZOMBIE)


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether something comes to be so in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
