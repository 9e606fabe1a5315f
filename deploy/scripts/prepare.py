"""What a deployment needs once: the bucket, the work pools and the deployments of prefect.yaml.

`python deploy/scripts/prepare.py process|kubernetes`, in the folder that the workers find the code in. It can be run
again at any time: what is there is kept, and pools and deployments become what the files say.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from storage.objects import open_objects
from storage.settings import Settings
from xray_model.errors import ConfigurationError, XrayError

TEMPLATES = Path(__file__).resolve().parents[1] / "pools"
LIMITS = {"cpu": None, "gpu": 1}
"""The work pools, and how many flow runs each takes at once: one GPU, one training."""
_NOT_FOUND = 404
_NO_REGION = "us-east-1"
"""The one region that may not be named when a bucket is made."""


def prepare(kind: str) -> None:
    """Make everything, in the order in which one part needs another.

    Args:
        kind: of the workers, `process` or `kubernetes`.

    Raises:
        ConfigurationError: the object store cannot keep the store.
        CalledProcessError: a prefect command failed; it has said why.
    """
    url = Settings().store_url
    make_bucket(url)
    check_store(url)
    for pool in LIMITS:
        make_pool(pool, kind)
    _prefect("deploy", "--all")


def make_bucket(url: str) -> None:
    """Make the bucket of an `s3://` store where it is missing."""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return
    client = boto3.client("s3")
    try:
        client.head_bucket(Bucket=parts.netloc)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != _NOT_FOUND:
            raise
        region = client.meta.region_name
        place = {} if region == _NO_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=parts.netloc, **place)


def check_store(url: str) -> None:
    """See that of several writers of one new object exactly one wins, for a batch is committed by that.

    Raises:
        ConfigurationError: more than one does.
    """
    if not open_objects(url).probe_create_only():
        raise ConfigurationError(
            f"the object store of {url} lets several writers create one object (If-None-Match: *), so two nights could "
            "commit one batch. Use a store that does not."
        )


def make_pool(pool: str, kind: str) -> None:
    """Make a work pool with its template of a job, or give the one that is there that template."""
    with TemporaryDirectory() as folder:
        template = Path(folder) / "template.json"
        template.write_text(json.dumps(read_template(pool, kind)))
        _prefect("work-pool", "create", pool, "--type", kind, "--base-job-template", str(template), "--overwrite")
    limit = LIMITS[pool]
    if limit is not None:
        _prefect("work-pool", "set-concurrency-limit", pool, str(limit))


def read_template(pool: str, kind: str) -> dict[str, Any]:
    """The template of a pool's jobs; the image of Kubernetes jobs comes from `CPU_IMAGE` or `GPU_IMAGE`.

    Raises:
        ConfigurationError: that variable is not set.
    """
    if kind == "process":
        return _load("process.json")
    template, variable = _load(f"kubernetes-{pool}.json"), f"{pool.upper()}_IMAGE"
    image = os.environ.get(variable)
    if not image:
        raise ConfigurationError(f"{variable} is not set: name the image that the jobs of the pool {pool} run")
    template["variables"]["properties"]["image"]["default"] = image
    return template


def _load(name: str) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((TEMPLATES / name).read_text())
    return template


def _prefect(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "prefect", "--no-prompt", *words], check=True)  # noqa: S603 - our own words


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("process", "kubernetes"), help="of the workers")
    try:
        prepare(parser.parse_args().kind)
    except XrayError as error:
        sys.exit(f"prepare: {error}")
