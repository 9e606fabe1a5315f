"""A service that is asked for more than it takes on, or while models change: nothing is lost or mixed up."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from apps.serving.errors import Overloaded
from apps.serving.service import ServiceLimits
from storage.store import Store
from tests.apps.serving.asking import answers_with, ask, check_answer, load_log, serving, wait_until
from tests.apps.serving.doubles import PATIENCE, FakeSource, answering, png, served
from tests.storage.measured import read_figures
from xray_model.errors import InvalidInput


def test_more_than_it_takes_on_is_refused_at_once(store: Store) -> None:
    """Who comes on top of what is under way may come again; who brings more than ever fits is told to bring less."""
    source = FakeSource(served(1))
    with serving(store, source) as service, ThreadPoolExecutor(1) as pool:
        source.go.clear()
        under_way = pool.submit(ask, service, *[png(100)] * 12)
        wait_until(lambda: read_figures(generate_latest(service.metrics))["xray_predict_waiting"] > 0)
        with pytest.raises(Overloaded, match="12 images are being answered"):
            ask(service, png(9))
        with pytest.raises(InvalidInput, match="send 12 or fewer"):
            ask(service, *[png(9)] * 13)
        with pytest.raises(InvalidInput, match="send 2 or fewer"):
            ask(service, *[png(9)] * 3, explain=True)
        source.go.set()
        assert len(under_way.result(PATIENCE)) == 12
        check_answer(ask(service, png(9))[0], 9)


def test_a_request_that_fails_has_logged_nothing(store: Store) -> None:
    """Who is told to ask again sends all images again: those that had been answered count once, not twice."""
    source = FakeSource(served(1))
    limits = ServiceLimits(poll_seconds=0.01, batch=1)
    with serving(store, source, limits) as service:
        with pytest.raises(ValueError, match="black"):
            ask(service, png(100), png(101), png(0))
        assert source.predictors[1].batches == [1, 1, 1]
        ask(service, png(100), png(101))
    assert len(load_log(store)) == 2


def test_the_heat_maps_of_a_request_are_taken_on_together(store: Store) -> None:
    """Whose explanations are too many at that moment is told so before any image of theirs is answered."""
    source = FakeSource(served(1))
    with serving(store, source) as service, ThreadPoolExecutor(1) as pool:
        source.go.clear()
        under_way = pool.submit(ask, service, png(100), explain=True)
        wait_until(lambda: service._explaining > 0)
        with pytest.raises(Overloaded, match="1 images are being explained"):
            ask(service, png(90), png(91), explain=True)
        source.go.set()
        assert len(under_way.result(PATIENCE)) == 1
        assert len(ask(service, png(90), png(91), explain=True)) == 2
    assert sum(source.predictors[1].batches) == 3
    assert len(load_log(store)) == 3


def test_an_answer_that_takes_too_long_is_given_up(store: Store) -> None:
    """The request ends with a reason, and leaves no image behind that the model would have to answer."""
    source = FakeSource(served(1))
    limits = ServiceLimits(poll_seconds=0.01, batch=1, waiting=4, answer_seconds=1.0)
    with serving(store, source, limits) as service:
        source.go.clear()
        with pytest.raises(Overloaded, match=r"longer than 1 seconds"):
            ask(service, png(100), png(101), png(102))
        source.go.set()
        check_answer(ask(service, png(103))[0], 103)
        assert source.predictors[1].batches == [1, 1]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(st.lists(st.integers(2, 255), min_size=1, max_size=4), min_size=1, max_size=8),
    promoted=st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
def test_no_request_is_lost_and_no_answer_mixes_two_models(
    store: Store, requests: list[list[int]], promoted: list[int]
) -> None:
    """While the champion moves, each image is answered once, and all of a request by the one model they name."""
    source = FakeSource(served(1))
    limits = ServiceLimits(poll_seconds=0.001, batch=3, waiting=64)
    with serving(store, source, limits) as service, ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(ask, service, *map(png, grays), record=False) for grays in requests]
        for version in promoted:
            source.champion = served(version)
            time.sleep(0.003)
        for grays, future in zip(requests, under_way, strict=True):
            versions = {check_answer(*pair) for pair in zip(future.result(PATIENCE), grays, strict=True)}
            assert len(versions) == 1
            assert versions <= {1, *promoted}


def test_promotions_under_load_lose_nothing(store: Store) -> None:
    """Eight clients ask without a pause while the champion moves: no failure, every model is heard, and each ends."""
    source, before = FakeSource(served(1)), answering()
    limits = ServiceLimits(poll_seconds=0.005, batch=8, waiting=64)
    stop = threading.Event()

    def keep_asking(gray: int) -> list[int]:
        versions = []
        while not stop.is_set():
            versions += [check_answer(one, gray) for one in ask(service, png(gray), png(gray))]
        return versions

    with serving(store, source, limits) as service, ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(keep_asking, 20 * number) for number in range(1, 9)]
        for version in (2, 3, 1, 4):
            source.champion = served(version)
            wait_until(lambda version=version: answers_with(service) == version)  # type: ignore[misc]
            time.sleep(0.1)
        stop.set()
        heard = [client.result(PATIENCE) for client in clients]
        figures = read_figures(generate_latest(service.metrics))
    assert {version for one in heard for version in one} == {1, 2, 3, 4}
    for one in heard:
        order = iter((1, 2, 3, 1, 4))
        assert all(version in order for version, _ in groupby(one)), "an old model answered after the new one"
    assert figures["xray_predict_requests_total answered"] == sum(map(len, heard)) / 2
    assert figures["xray_predict_requests_total failed"] == figures["xray_predict_requests_total overloaded"] == 0
    wait_until(lambda: answering() <= before)
    assert len(load_log(store)) == sum(map(len, heard))
