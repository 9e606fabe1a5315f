"""The pull step of prefect.yaml: where a worker finds the code."""

import os
from pathlib import Path

CODE = Path(__file__).resolve().parents[1]


def enter_code() -> dict[str, str]:
    """Go to the folder that holds the rooms: a checkout, or wherever an image or a wheel put them.

    Prefect's own step goes to the folder that was deployed from, which is another one in a container; it runs this one
    in a folder of the run's own.
    """
    os.chdir(CODE)
    return {"directory": str(CODE)}
