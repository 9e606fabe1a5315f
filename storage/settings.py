"""Where this machine keeps things: settings from `XRAY_*`, with embedded defaults under `XRAY_HOME`."""

import os
import secrets
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from xray_model.errors import ConfigurationError

LOCAL_DASK = "local"
"""Instead of a Dask scheduler's address: a cluster of this machine's processes, for as long as a flow runs."""
_SALT_FILE = "salt"


class Settings(BaseSettings):
    """One field per `XRAY_*` variable; nothing here says what a run does (see `xray_model.config`)."""

    model_config = SettingsConfigDict(env_prefix="XRAY_", env_ignore_empty=True, frozen=True, extra="ignore")

    home: Path = Field(Path(".xray"), description="Folder of the embedded defaults.")
    store: str | None = Field(None, description="Root of the store: s3://bucket/prefix or file:///path.")
    registry: str | None = Field(None, description="MLflow tracking URI; SQLite under the home where empty.")
    studies: str | None = Field(
        None,
        description="Database of the hyper-parameter searches (SQLAlchemy URL); SQLite under the home where empty.",
    )
    dask: str | None = Field(
        None, description="Dask scheduler whose workers take the shards: tcp://host:8786; or local."
    )
    salt: SecretStr | None = Field(None, description="Secret that turns patient ids into pseudonyms.")
    side: int = Field(320, ge=64, le=1024, description="Side of the canonical pixels; fixed once a store is in use.")
    validation_share: float = Field(
        0.15, gt=0, lt=1, description="Share of patients for validation; fixed once in use."
    )
    test_share: float = Field(0.25, gt=0, lt=1, description="Share of patients for the test split; fixed once in use.")
    feature_bytes: int = Field(
        16_000_000_000,
        ge=0,
        description="Most bytes of kept features for one network; what does not fit is computed anew each time.",
    )
    gpu_pool: str | None = Field(None, description="Prefect work pool where nights train; in the night where empty.")
    gpu_wait_minutes: float = Field(
        30.0, gt=0, description="How long a night waits until a worker of that pool begins its training."
    )
    log: Literal["text", "json"] = Field("text", description="How the log of a run is written to standard error.")
    settle_minutes: float = Field(10.0, ge=0, description="A batch without _READY is taken after this quiet time.")

    @property
    def store_url(self) -> str:
        """The store's root, the embedded one where none is set."""
        return self.store or (self.home.resolve() / "store").as_uri()

    @property
    def registry_url(self) -> str:
        """MLflow's tracking URI, the embedded one where none is set."""
        return self.registry or f"sqlite:///{self.home.resolve() / 'mlflow.db'}"

    @property
    def studies_url(self) -> str:
        """The database of the searches, the embedded one where none is set."""
        return self.studies or f"sqlite:///{self.home.resolve() / 'studies.db'}"

    @property
    def artifacts_url(self) -> str | None:
        """Where MLflow keeps models: beside the embedded database, and in the store where the registry is another one.

        None where it is a server, which decides for itself. Of a bare database MLflow would take the working directory.
        """
        if self.registry is None:
            return (self.home.resolve() / "mlflow-artifacts").as_uri()
        if self.registry.startswith(("http:", "https:")):
            return None
        return f"{self.store_url.rstrip('/')}/mlflow-artifacts"

    @property
    def has_own_registry(self) -> bool:
        """Whether the registry is the embedded one, in the home."""
        return self.registry is None

    @property
    def shares_store(self) -> bool:
        """Whether other machines can reach the store too."""
        return self.store is not None and not self.store.startswith("file:")

    @property
    def has_salt(self) -> bool:
        """Whether `salt_bytes` gives a salt that was there before."""
        return self.salt is not None or (not self.shares_store and os.access(self.home / _SALT_FILE, os.R_OK))

    def salt_bytes(self) -> bytes:
        """The salt of the pseudonyms; the embedded store makes and keeps its own.

        Raises:
            ConfigurationError: a store that other machines share, and no `XRAY_SALT`.
        """
        if self.salt is not None:
            return self.salt.get_secret_value().encode()
        if self.shares_store:
            raise ConfigurationError(
                f"XRAY_SALT is not set, and the store {self.store} is shared: every machine must use the same salt, "
                "or one patient gets two pseudonyms. Set XRAY_SALT to the secret this store was begun with."
            )
        return _own_salt(self.home / _SALT_FILE)


def _own_salt(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    try:
        # A link is made whole or not at all, so two first runs agree on one salt.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()


def prepare_environment(settings: Settings) -> None:
    """Point the libraries at the home and switch their telemetry off; call before they are imported.

    What the user has set already stays as it is.
    """
    home = settings.home.resolve()
    defaults = {
        "DO_NOT_TRACK": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PREFECT_HOME": str(home / "prefect"),
        # Doubling from 2 s, a call is tried for eight minutes. prefect.yaml says the same to the runs of workers.
        "PREFECT_CLIENT_MAX_RETRIES": "8",
        # In memory they end with the server, and their slots stay taken for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # Otherwise the embedded server loses task runs that end just before the process does. Seconds are cut to whole
        # ones: with less than 1 the server never sleeps and takes a core for itself.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_DEPRECATION_WARNINGS": "0",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
