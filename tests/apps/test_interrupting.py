"""An interrupted command ends, whatever its flow does."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from apps.interrupting import PATIENCE, ending_on_interrupt

STUBBORN = """
import subprocess, sys, time
from apps.interrupting import ending_on_interrupt
with ending_on_interrupt():
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], **quiet)
    try:
        print(child.pid, flush=True)
        time.sleep(300)
    except KeyboardInterrupt:
        if "stubborn" in sys.argv:
            time.sleep(300)
        if "afterwards" not in sys.argv:
            raise
time.sleep(300)
"""


@pytest.mark.parametrize(
    ("way", "times", "longest"),
    [("stubborn", 1, PATIENCE + 20), ("stubborn", 2, PATIENCE), ("afterwards", 1, PATIENCE + 20)],
)
def test_what_does_not_end_by_itself_is_ended(way: str, times: int, longest: float) -> None:
    """In a few seconds, or at once where it is interrupted twice; the servers that it began end too."""
    command = [sys.executable, "-c", STUBBORN, way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        child = psutil.Process(int(process.stdout.readline()))
        begun = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert time.monotonic() - begun < longest
        assert b"stopping; the next run goes on" in said
        child.wait(10)


def test_what_ends_by_itself_is_left_to() -> None:
    """The interrupt is an ordinary one, which the command line tells of in its own way."""
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        child = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    child.kill()
    assert said.rstrip().endswith(b"KeyboardInterrupt")


def test_where_nobody_interrupts_nothing_happens() -> None:
    """What the context gives is given."""
    before = signal.getsignal(signal.SIGINT)
    with ending_on_interrupt():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
