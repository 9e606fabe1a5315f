"""Hostile, broken and odd inputs, all in one ingest: each ends with its reason, and none takes another with it."""

from collections.abc import Callable

import pytest

from tests.hostile.cases import ABSENT, End
from tests.hostile.conftest import Ingested
from tests.hostile.corpus import CASES, NEIGHBOURS, OUTWARD, expected_ends

pytestmark = pytest.mark.usefixtures("prefect_server")

ENDS = expected_ends()
MOST_MB = 1_000


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_each_input_ends_as_it_should(ingested: Ingested, case: str) -> None:
    """An odd image is accepted; what is broken or made to do harm is in the catalog, with a reason that says why."""
    for key, end in ENDS[case].items():
        assert_end(ingested, key, end)


def assert_end(ingested: Ingested, key: str, end: End) -> None:
    """One key, or one batch, ended as it should."""
    if end == ABSENT:
        assert key not in ingested.rows
    elif key in ingested.outcomes:
        outcome = ingested.outcomes[key]
        assert (outcome.status, end.words in " ".join(outcome.reasons)) == (end.status, True), outcome.reasons
    else:
        assert key in ingested.rows, [known for known in ingested.rows if known.startswith(key[:30])][:200]
        row = ingested.rows[key]
        told = " ".join(row["problems"] if end.status == "accepted" else row["reasons"])
        assert (row["status"], end.words in told) == (end.status, True), (row["status"], row["reasons"], told)


def test_the_corpus_is_large_enough() -> None:
    """There are more cases than the issue asks for, and each has a name of its own."""
    assert len(ENDS) == len(CASES) + len(NEIGHBOURS)
    assert len(CASES) >= 70


def test_sound_images_beside_them_are_all_accepted(ingested: Ingested) -> None:
    """A bad file never stops the others of its batch, nor a bad batch the others of its night."""
    for case in NEIGHBOURS:
        ((key, _),) = ENDS[case.name].items()
        assert ingested.rows[key]["status"] == "accepted", (key, ingested.rows[key]["reasons"])
    held = {name for name, outcome in ingested.outcomes.items() if outcome.status not in ("accepted", "refused")}
    assert held == {"odd/line\nbreak"}
    assert len(ingested.outcomes) == len({case.batch for case in CASES})


def test_words_of_a_source_can_do_no_harm(ingested: Ingested) -> None:
    """What a catalog row quotes is one line that no spreadsheet runs and no Parquet file refuses."""
    quoted = [row[column] for row in ingested.rows.values() for column in ("finding", "manufacturer")]
    told = [text for text in quoted if isinstance(text, str)]
    assert "'=HYPERLINK(" in " ".join(told)
    assert [text for text in told if text[0] in "=+-@" or not text.isprintable() or len(text) > 200] == []


def test_no_link_is_followed(ingested: Ingested) -> None:
    """What a link, a pipe or a socket in the landing zone points at is not read."""
    assert [key for key in ingested.rows if OUTWARD in key] == []
    assert [batch for batch in ingested.outcomes if OUTWARD in batch] == []


def test_nothing_is_written_outside_the_home(ingested: Ingested) -> None:
    """The run leaves the landing zone, its working folder and everything around its home as they were."""
    assert ingested.changed == set()


def test_reasons_and_log_name_no_file(ingested: Ingested) -> None:
    """A file name can carry a patient: it stands as the key of its row, never in a reason or in the log."""
    told = " ".join(" ".join(row["reasons"]) for row in ingested.rows.values())
    told += " ".join(" ".join(outcome.reasons) for outcome in ingested.outcomes.values()) + ingested.errors
    assert [name for name in ("neighbour-", "sub-S0", "secret", "metadata.csv", "in-bomb") if name in told] == []


def test_memory_and_time_are_bounded(ingested: Ingested, record_property: Callable[[str, object], None]) -> None:
    """The whole corpus, with its bombs and its largest images, is taken in within 1 GB and two minutes."""
    record_property("peak_mb", ingested.peak_mb)
    record_property("seconds", round(ingested.seconds, 1))
    assert ingested.peak_mb < MOST_MB
    assert ingested.seconds < 120
