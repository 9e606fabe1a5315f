"""Where each page lies in the store, and how one page links to another."""

import hashlib
import posixpath
from datetime import UTC, datetime
from urllib.parse import quote

from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome, DriftSubject

ROOT = "reports"
INDEX = f"{ROOT}/index.html"
NIGHTS = f"{ROOT}/nights/"
MODELS = f"{ROOT}/models/"
DRIFT = f"{ROOT}/drift/"
DRIFTS = f"{DRIFT}index.html"
"""Index of all comparisons with the champion's reference."""
COMPARISONS = f"{ROOT}/comparisons/index.html"
"""Index of all comparisons of ways of training."""
VALIDATIONS = f"{ROOT}/validation/index.html"
"""Index of the validation pages of all batches."""
EXPLORE = f"{ROOT}/explore/"
EXPLORES = f"{EXPLORE}index.html"
"""Index of the pages on snapshots."""
VALIDATION_RECORDS = f"{ROOT}/validation/records/"


def batch_page(batch: BatchOutcome) -> str:
    """Key of the page of one batch.

    A refused or failed batch may be tried again and come to another end under the same id, and pages
    are never overwritten: each such attempt has a folder of its own, named by what came of it.
    """
    folder = f"{ROOT}/batches/{batch.batch_id}"
    if batch.status in {BatchStatus.REFUSED, BatchStatus.FAILED}:
        digest = hashlib.sha256(batch.model_dump_json().encode()).hexdigest()[:8]
        folder = f"{folder}/{batch.status}-{digest}"
    return f"{folder}/index.html"


def validation_page(batch: BatchOutcome) -> str:
    """Key of the page of what a batch was asked, beside the batch's own; there is none for one that was not asked."""
    return f"{folder_of(batch_page(batch))}validation.html"


def validation_data(batch: BatchOutcome) -> str:
    """Key of the same as JSON, with the ids of all failing images."""
    return f"{folder_of(batch_page(batch))}validation.json"


def validation_record(batch_id: str, when: datetime) -> str:
    """Key of what the index of the validation pages needs of one, in the order of UTC time."""
    return f"{VALIDATION_RECORDS}{when:%Y%m%dT%H%M%SZ}-{batch_id}.json"


def validations_page(number: int) -> str:
    """Key of the page that lists the validation pages of one stretch of batches, counted from 1."""
    return f"{folder_of(VALIDATIONS)}page-{number:04d}.html"


def model_page(version: int) -> str:
    """Key of the page of one model version."""
    return f"{MODELS}v{version}/index.html"


def night_page(night_id: str) -> str:
    """Key of the page of one night."""
    return f"{NIGHTS}{night_id}/index.html"


def night_record(night_id: str) -> str:
    """Key of the night's outcome as JSON, from which the index is rebuilt."""
    return f"{NIGHTS}{night_id}/night.json"


def drift_page(drift: DriftOutcome) -> str:
    """Key of the page of one comparison; the folders of all stand in the order of UTC time.

    Raises:
        InvalidInput: the comparison does not say when it was made.
    """
    if drift.when is None:
        raise InvalidInput(
            f"the comparison of {drift.subject} {drift.name!r} has no `when`, by which its page is named"
        )
    when = drift.when.astimezone(UTC)
    return f"{DRIFT}{when:%Y%m%dT%H%M%SZ}{drift_suffix(drift.subject, drift.name)}/index.html"


def drift_suffix(subject: DriftSubject, name: str = "") -> str:
    """How the folders of comparisons of one kind of subject go on after the time, or end where its `name` is given."""
    return f"-{subject}-{hashlib.sha256(name.encode()).hexdigest()[:8] if name else ''}"


def drift_record(page: str) -> str:
    """Key of a comparison as JSON, beside its page: one that has it is finished."""
    return f"{folder_of(page)}drift.json"


def evidently_page(page: str) -> str:
    """Key of Evidently's full report, beside the page of the comparison."""
    return f"{folder_of(page)}evidently.html"


def evidently_run(page: str) -> str:
    """Key of the same as JSON, as a workspace of Evidently takes it."""
    return f"{folder_of(page)}evidently.json"


def explore_page(snapshot_id: str) -> str:
    """Key of the page on what a snapshot is made of."""
    return f"{EXPLORE}{snapshot_id}/index.html"


def explore_record(page: str) -> str:
    """Key of what the index of those pages needs of one, beside it: a page that has it is finished."""
    return f"{folder_of(page)}explore.json"


def comparison_page(comparison_id: str) -> str:
    """Key of the leaderboard of one comparison of ways of training."""
    return f"{folder_of(COMPARISONS)}{comparison_id}/index.html"


def comparison_record(page: str) -> str:
    """Key of what the index of comparisons needs of one, beside its page."""
    return f"{folder_of(page)}record.json"


def folder_of(page: str) -> str:
    """The folder of a page, with its trailing slash."""
    return f"{posixpath.dirname(page)}/"


def relative_link(page: str, target: str) -> str:
    """The link from `page` to `target` (both keys; the target may end in `#anchor`), quoted for an attribute."""
    key, mark, anchor = target.partition("#")
    return quote(posixpath.relpath(key, posixpath.dirname(page)) + mark + anchor, safe="/#")
