"""Whether the store and the registry can be used, asked without beginning or changing them."""

import os
import sqlite3
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage.objects import open_objects
from storage.registry import MODEL_NAME
from storage.settings import Settings
from storage.store import CONSTANTS_KEY, check_constants
from xray_model.errors import ConfigurationError

_SQLITE = "sqlite:///"


def can_write(folder: Path) -> bool:
    """Whether a folder can be written, or made where there is none."""
    nearest = next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def check_store(settings: Settings) -> bool:
    """Whether the store is begun; one that is not begins with the first batch.

    Raises:
        ConfigurationError: the settings name no store, or contradict those it was begun with.
        StoreUnavailable: it does not answer.
    """
    url = settings.store_url
    folder = Path(unquote(urlsplit(url).path))
    if url.startswith("file:") and not can_write(folder):
        raise ConfigurationError(f"the folder of the store {url} cannot be written: set XRAY_STORE to one that can")
    if url.startswith("file:") and not folder.is_dir():
        return False
    objects = open_objects(url)
    if next(objects.list(CONSTANTS_KEY), None) is None:
        return False
    if not settings.has_salt:
        raise ConfigurationError(
            f"the store {url} was begun with a salt that is not here: set XRAY_SALT to it, or XRAY_HOME to the home "
            "that keeps it"
        )
    check_constants(objects, settings)
    return True


def has_one_winner(settings: Settings) -> bool | None:
    """Whether an object can be made by one writer alone, tried with a small race; None where a folder is not there yet.

    Raises:
        StoreUnavailable: the store does not answer, or lets nothing be written.
    """
    url = settings.store_url
    if url.startswith("file:") and not Path(unquote(urlsplit(url).path)).is_dir():
        return None
    return open_objects(url).probe_create_only()


def find_store_time(settings: Settings) -> datetime | None:
    """The clock of the store's server, in whole seconds; None for a folder, which has this machine's.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    if settings.store_url.startswith("file:"):
        return None
    from storage.objects.s3 import S3Objects  # takes a third of a second

    objects = open_objects(settings.store_url)
    return objects.server_time() if isinstance(objects, S3Objects) else None


def check_registry(settings: Settings) -> bool:
    """Whether MLflow's registry is begun; an embedded one that is not begins with the first training.

    Raises:
        ConfigurationError: it cannot be reached or read.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    url = settings.registry_url
    try:
        if url.startswith(_SQLITE):
            path = Path(url.removeprefix(_SQLITE))
            if not os.access(path, os.F_OK):
                return False
            _read_database(path)
        MlflowClient(url, url).search_model_versions(f"name = '{MODEL_NAME}'", max_results=1)
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"MLflow's registry at {without_password(url)} cannot be used ({type(error).__name__}): see that its "
            "server runs and that XRAY_REGISTRY names it, or that the file is MLflow's"
        ) from error
    return True


def _read_database(path: Path) -> None:
    """Fail at once on a file that is no database, which MLflow would try again and again."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("SELECT name FROM sqlite_master").fetchone()
    finally:
        connection.close()


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
