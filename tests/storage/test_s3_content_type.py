"""Objects in a bucket say what they are."""

from collections.abc import Callable

import boto3
import pytest

from storage.objects import open_objects

pytestmark = pytest.mark.service


@pytest.mark.parametrize(
    ("key", "kind"),
    [("reports/index.html", "text/html"), ("reports/a.jpg", "image/jpeg"), ("catalog/b", "application/octet-stream")],
)
def test_pages_are_shown_by_a_browser(new_bucket_url: Callable[[], str], key: str, kind: str) -> None:
    """A report page opens from a bucket as a page, however it was written."""
    url = new_bucket_url()
    objects = open_objects(url)
    objects.put(key, b"put")
    objects.create(f"created/{key}", b"created")
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    client = boto3.client("s3")
    for name in (key, f"created/{key}"):
        found = client.head_object(Bucket=bucket, Key=f"{prefix}/{name}".lstrip("/"))
        assert found["ContentType"] == kind
