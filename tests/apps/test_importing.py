"""Importing faster: the collector comes seldom for as long as it should, and then as before."""

import gc

import pytest

from apps.importing import seldom_collecting


@pytest.mark.parametrize("first", [0, 1])
def test_the_collector_comes_as_before_whichever_context_ends_first(first: int) -> None:
    """Contexts of two threads overlap in any order."""
    usual = gc.get_threshold()
    contexts = [seldom_collecting(), seldom_collecting()]
    for context in contexts:
        context.__enter__()
    contexts[first].__exit__(None, None, None)
    assert gc.get_threshold() > usual
    contexts[1 - first].__exit__(None, None, None)
    assert gc.get_threshold() == usual
