"""Ends what `xray up` left behind when it was killed: run beside it, and told by the end of its input.

A pipe ends with the process that holds it, whatever ended that, on every POSIX system.
"""

import signal
import sys
from threading import Event

from apps.up.family import Patience, end_marked


def main() -> None:
    """Wait for the end of standard input, then end all processes with the mark that was given."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_marked(sys.argv[1], None, Patience(others=10.0), Event())


if __name__ == "__main__":
    main()
