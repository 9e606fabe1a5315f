"""Importing faster: the collector comes seldom for as long as it should, and then as before."""

import subprocess
import sys

import pytest

OVERLAPPING = """
import gc, sys
from apps.importing import seldom_collecting
usual, first = gc.get_threshold(), int(sys.argv[1])
contexts = [seldom_collecting(), seldom_collecting()]
for context in contexts:
    context.__enter__()
contexts[first].__exit__(None, None, None)
assert gc.get_threshold() > usual, "one is still open"
contexts[1 - first].__exit__(None, None, None)
assert gc.get_threshold() == usual, "none is open"
"""
"""In a process of its own: in this one a service of another test may be importing."""


@pytest.mark.parametrize("first", ["0", "1"])
def test_the_collector_comes_as_before_whichever_context_ends_first(first: str) -> None:
    """Contexts of two threads overlap in any order."""
    subprocess.run([sys.executable, "-c", OVERLAPPING, first], check=True)
