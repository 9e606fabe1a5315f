"""How new batches are read."""

from typing import Literal

from pydantic import Field

from xray_model.config.base import Options


class IngestOptions(Options):
    """How new batches are read."""

    sources: tuple[str, ...] = Field((), description="Only batches of these sources; empty for all.")
    batches: tuple[str, ...] = Field((), description="Only batches of these names; empty for all.")
    again: bool = Field(
        False,
        description="Read the named batches again, all their files, after a reader was mended: a new revision takes "
        "the place of the earlier ones, which are kept.",
    )
    layout: Literal["bimcv", "class_folders", "csv_table", "dicom"] | None = Field(
        None, description="Read every batch with this layout; empty to detect it."
    )
    shard_size: int = Field(
        512, ge=1, le=4096, description="Most images in a shard, the unit of work and of retries; 0.1 MB each."
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Shards decoded at the same time; empty for one more than the cores, 8 at most in one process.",
    )
    dask: str | None = Field(
        None,
        description="Address of a Dask scheduler whose workers decode, or `local` for processes of this machine; empty "
        "for XRAY_DASK, else threads of this process.",
    )
