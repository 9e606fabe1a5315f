"""`xray explore`: the page on what a snapshot is made of."""

from rich.console import Console

from apps.progress import show_progress
from storage.decisions import count_statuses
from storage.exploration import choose_snapshot, load_explored, load_trainings
from storage.reports import write_explore_page, write_index
from storage.settings import Settings
from storage.store import open_store
from xray_model.config import SnapshotOptions


def explore_snapshot(name: str | None) -> None:
    """Write the page on a snapshot, renew the indexes that lead to it, and say its news and where it is.

    Args:
        name: id of the snapshot or a beginning that no other has; None for the newest that was trained on, or for
            what is accepted now where there is none.

    Raises:
        InvalidInput: there is no such snapshot, several are meant, or no image is accepted.
    """
    settings = Settings()
    store = open_store(settings)
    console = Console()
    with show_progress(console):
        snapshot_id = choose_snapshot(store.objects, name, SnapshotOptions())
        explored = load_explored(store.objects, snapshot_id)
        trainings = load_trainings(store.objects, snapshot_id)
        record = write_explore_page(store.objects, explored, trainings, store.side)
        write_index(store.objects, count_statuses(store.objects))
    console.print(f"{record.headline}.", style="bold", highlight=False, markup=False, soft_wrap=True)
    console.print(f"Page: {settings.store_url}/{record.page}", highlight=False, markup=False, soft_wrap=True)
