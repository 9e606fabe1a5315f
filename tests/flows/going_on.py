"""What an installation answers and does after it was restored, in a process that has seen nothing of it before.

Run as a script it prints JSON: what the champion answers, and what two nights came to, with a batch sent between them.
"""

import json
import sys
from pathlib import Path

from prefect.settings import PREFECT_API_URL, temporary_settings

from apps.push import push_batch
from flows.nightly import nightly
from flows.running import run_flow
from storage.catalog import load_rows
from storage.ledger import champion_of, load_entries
from storage.registry import Registry
from storage.settings import Settings
from storage.shards import load_image
from storage.store import open_store
from xray_model.config import NightlyOptions
from xray_model.outcomes import NightOutcome


def ask_champion() -> list[float]:
    """Probabilities that the model in service gives the first image of the catalog."""
    from xray_model.network import network

    objects = open_store(Settings()).objects
    champion = champion_of(load_entries(objects))
    assert champion is not None
    row = load_rows(objects, ["batch_id", "shard", "row"], statuses=("accepted",)).iloc[0]
    pixels = load_image(objects, row["batch_id"], int(row["shard"]), int(row["row"]))
    registry = Registry(Settings())
    with registry.model_file(registry.run_of(champion.version)) as path:
        return [float(one) for one in network.load(path).predict(pixels[None], verbose=0)[0]]


def go_on(options: NightlyOptions, later: Path) -> dict[str, object]:
    """Ask the champion, run a night with nothing new, and one after `later` was sent."""
    answers = ask_champion()
    still: NightOutcome = run_flow(nightly, options)
    push_batch(later, "elsewhere", "later")
    fresh: NightOutcome = run_flow(nightly, options)
    return {"answers": answers, "still": still.model_dump(mode="json"), "fresh": fresh.model_dump(mode="json")}


if __name__ == "__main__":
    with temporary_settings({PREFECT_API_URL: sys.argv[1]}):
        told = go_on(NightlyOptions.model_validate_json(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.write(f"\n{json.dumps(told)}\n")
