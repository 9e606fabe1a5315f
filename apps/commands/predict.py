"""`xray predict` and `xray score`: the commands; what they do is in `apps.predicting` and `apps.scoring`."""

from pathlib import Path
from typing import Annotated

import typer

from apps.arguments import Verbose

Version = Annotated[int | None, typer.Option(min=1, help="Version of the model; the one in service without.")]


def predict(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or DICOM files.")],
    version: Version = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write a PNG of each image there, beside itself with the places that speak for the decision.",
        ),
    ] = None,
) -> None:
    """Answer a few images now, in a table: decision, probabilities, and warnings. Nothing of them is kept.

    A research tool, not for diagnostic use. Exit code 0: all were answered. 3: some could not be read.
    """
    from apps.predicting import run_predict

    raise typer.Exit(run_predict(images, version=version, explain=explain))


def score(
    images: Annotated[
        str, typer.Argument(metavar="PATH|URI", help="A folder, or s3://bucket/prefix: every image below it.")
    ],
    out: Annotated[
        str, typer.Option(help="Parquet file that is written: a path, or s3://bucket/key.")
    ] = "predictions.parquet",
    version: Version = None,
    shard_size: Annotated[int, typer.Option(min=1, max=4096, help="Images of one task.")] = 256,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Shards under way at a time; what the machine has without.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(help="Dask scheduler that takes the shards, or `local`; XRAY_DASK without.")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log/--no-log", help="Add the answers to the log of predictions, which drift is told by.")
    ] = True,
    verbose: Verbose = False,
) -> None:
    """Answer every image below a folder or prefix, as a table of predictions in a Parquet file.

    Stopped at any moment and started again with the same words, it goes on where it was. A research tool, not for
    diagnostic use. Exit code 0: all images were answered. 3: some could not be read, and the table says why.
    """
    from apps.scoring import run_score

    raise typer.Exit(
        run_score(
            images,
            out,
            version=version,
            shard_size=shard_size,
            workers=workers,
            dask=dask,
            log=log,
            verbose=verbose,
        )
    )
