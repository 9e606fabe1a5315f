"""Scoring many images with a model."""

from pydantic import Field

from xray_model.config.base import Options


class ScoreOptions(Options):
    """A folder or a prefix of images in, a table of predictions out."""

    images: str = Field(
        description="Folder of this machine (a path or file://), or s3://bucket/prefix: every image below it."
    )
    out: str = Field("predictions.parquet", description="Table that is written: a path, or s3://bucket/key.")
    version: int | None = Field(None, ge=1, description="Version of the model; empty for the one in service.")
    shard_size: int = Field(256, ge=1, le=4096, description="Images of one task.")
    workers: int | None = Field(None, ge=1, description="Shards under way at a time; empty for what the machine has.")
    dask: str | None = Field(None, description="Dask scheduler that takes the shards, or `local`; empty for XRAY_DASK.")
    log: bool = Field(True, description="Add the answers to the log of predictions, by which drift is watched.")
