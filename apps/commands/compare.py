"""`xray compare`: the command; what it does is in `apps.comparing`."""

from typing import Annotated

import typer

from apps.arguments import Verbose


def compare(
    recipe: Annotated[
        str,
        typer.Argument(help="bimcv-imbalance, pneumonia or three-classes; or the path of a .toml file of your own."),
    ],
    folds: Annotated[int, typer.Option(min=2, max=20, help="Parts of the patients; each tests one training.")] = 5,
    seeds: Annotated[
        int, typer.Option(min=1, max=20, help="Trainings of each fold, from different random numbers.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="First of them; it also draws the folds.")] = 20,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="In place of every pretrained network of the recipe, where there are weights for this one alone."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Of the pretrained networks instead of the recipe's: `imagenet`, `none`, or a weight file as for "
            "`xray nightly`."
        ),
    ] = None,
    images: Annotated[int | None, typer.Option(min=20, help="Images at most, drawn by patient; all without.")] = None,
    trials: Annotated[
        int | None, typer.Option(min=0, help="Trials of each search instead of the recipe's; 0 searches nothing.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(help="Dask scheduler that takes the trainings, or `local`; XRAY_DASK without."),
    ] = None,
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other option of the training, of all variants, as often as needed: `--set epochs=3`, `--set "
            "augmentation.rotation=3`. A name there is not is answered with those there are.",
        ),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Compare ways of training by cross-validation over patients, on all accepted images but the gate's test patients.

    Killed and started again, it goes on with what is not trained yet.
    """
    from apps.comparing import run_compare
    from apps.setting import read_training_settings

    run_compare(
        {
            "recipe": recipe,
            "folds": folds,
            "seeds": seeds,
            "seed": seed,
            "backbone": backbone,
            "training": read_training_settings(chosen or []) | ({"weights": weights} if weights else {}),
            "images": images,
            "trials": trials,
            "dask": dask,
        },
        verbose=verbose,
    )
