"""The model registry: MLflow runs with what was trained, model versions, and the aliases that name some of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, get_args

from storage import code_version
from storage.settings import Settings
from storage.system_metrics import watch_system
from xray_model.errors import ObjectNotFound, RegistryUnavailable
from xray_model.outcomes import NOTICE, EvaluationOutcome, Stage, TrainingOutcome

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL_NAME = "xray"
CHAMPION = "champion"
"""The model in service."""
PREVIOUS = "previous"
"""The one that a rollback goes to."""
CHALLENGER = "challenger"
"""The last one judged, or the one that waits for approval."""
MODEL_FILE = "model.keras"
CURVES_FILE = "curves.svg"
CARD_FOLDER = "card"
_MISSING = "RESOURCE_DOES_NOT_EXIST"
_THERE = "RESOURCE_ALREADY_EXISTS"


class Registry:
    """MLflow's tracking server and registry, by one small set of verbs."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.registry_url
        self._artifacts = settings.artifacts_url

    @contextmanager
    def training_run(self, name: str, tags: Mapping[str, str] | None = None) -> Iterator[str]:
        """An MLflow run for as long as the context lasts; one that ends in an error stays as FAILED.

        It holds the version of the code, and how busy the machine was.

        Args:
            name: of the run.
            tags: what it belongs to, where runs are looked for by that.
        """
        client = self._client()
        run_id: str = client.create_run(self._experiment(client), tags=tags, run_name=name).info.run_id
        try:
            _record_code(client, run_id)
            with watch_system(run_id, self._url):
                yield run_id
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)

    def prepare(self) -> None:
        """Make what all runs stand in, before several processes begin theirs at once."""
        self._experiment(self._client())

    def record_training(
        self, training: TrainingOutcome, snapshot_id: str, model: Path | None, options_json: str
    ) -> None:
        """Keep a trained model with everything that made it in its run; None keeps all but the model.

        Of each epoch the curve `stage` says whether the head was trained (1) or fine-tuned (2).
        """
        from storage.reports.curves import draw_picture

        client, run_id = self._client(), training.run_id
        parameters = {
            "backbone": training.backbone,
            "weights": training.weights,
            # Absent where the weights came from no file.
            "weights_sha256": training.weights_sha256,
            "input_side": training.input_side,
            "precision": training.precision,
            "features": training.features,
            "hidden_units": training.hidden_units,
            "fine_tuned": training.fine_tuned or "nothing",
            "rebalancing": training.rebalancing,
            "seed": training.seed,
            "snapshot_id": snapshot_id,
            "model_sha256": training.model_sha256,
        }
        for name, value in parameters.items():
            if value is not None:
                client.log_param(run_id, name, value)
        for score in training.epochs:
            for name in ("loss", "validation_loss", "validation_minority_f1"):
                client.log_metric(run_id, name, getattr(score, name), step=score.epoch)
            client.log_metric(run_id, "stage", get_args(Stage).index(score.stage) + 1, step=score.epoch)
        client.log_metric(run_id, "seconds", training.seconds)
        client.log_text(run_id, draw_picture(training), CURVES_FILE)
        client.log_text(run_id, options_json, "options.json")
        if model is not None:
            client.log_artifact(run_id, str(model))

    def record_figures(self, run_id: str, figures: Mapping[str, float]) -> None:
        """Keep further figures of a training in its run."""
        client = self._client()
        for name, value in figures.items():
            client.log_metric(run_id, name, value)

    def record_card(self, run_id: str, markdown: str, pictures: Mapping[str, str]) -> None:
        """Keep a model card in Markdown beside the model, with the SVG pictures it links to, by file name.

        Raises:
            ObjectNotFound: there is no such run.
            RegistryUnavailable: the registry does not answer.
        """
        client = self._client()
        with _asking():
            for name, svg in pictures.items():
                client.log_text(run_id, svg, f"{CARD_FOLDER}/{name}")
            client.log_text(run_id, markdown, f"{CARD_FOLDER}/README.md")

    def register(self, run_id: str, evaluation: EvaluationOutcome) -> int:
        """Make a version of a recorded model, once, and keep its test figures; returns the version.

        Raises:
            ObjectNotFound: there is no such run.
            RegistryUnavailable: the registry does not answer; tried again, it does what is left.
        """
        client = self._client()
        with _asking():
            for known in client.search_model_versions(f"name = '{MODEL_NAME}' and run_id = '{run_id}'"):
                return int(known.version)
            _begin_model(client)
            for score in evaluation.classes:
                client.log_metric(run_id, f"test_f1_{score.label}", score.f1.value)
                client.log_metric(run_id, f"test_recall_{score.label}", score.recall.value)
            client.log_metric(run_id, "test_macro_f1", evaluation.macro_f1.value)
            source = f"{client.get_run(run_id).info.artifact_uri}/{MODEL_FILE}"
            version = client.create_model_version(
                MODEL_NAME, source, run_id=run_id, tags={"snapshot_id": evaluation.snapshot_id}
            )
        return int(version.version)

    def aliases(self) -> dict[str, int]:
        """The version that each of our aliases names, of those that name one.

        Raises:
            RegistryUnavailable: the registry does not answer.
        """
        try:
            with _asking():
                found = self._client().get_registered_model(MODEL_NAME).aliases
        except ObjectNotFound:
            return {}
        return {alias: int(found[alias]) for alias in (CHALLENGER, PREVIOUS, CHAMPION) if alias in found}

    def move_aliases(self, wanted: Mapping[str, int | None]) -> None:
        """Let aliases name these versions, or none, one after the other; one whose version is gone stays as it is.

        Raises:
            RegistryUnavailable: the registry does not answer; some may have been moved.
        """
        client = self._client()
        for alias, version in wanted.items():
            with suppress(ObjectNotFound), _asking():
                if version is None:
                    client.delete_registered_model_alias(MODEL_NAME, alias)
                else:
                    client.set_registered_model_alias(MODEL_NAME, alias, str(version))

    def run_of(self, version: int) -> str:
        """MLflow run id that a version came from.

        Raises:
            ObjectNotFound: there is no such version.
            RegistryUnavailable: the registry does not answer.
        """
        with _asking():
            run_id: str = self._client().get_model_version(MODEL_NAME, str(version)).run_id
        return run_id

    def check_model(self, run_id: str) -> None:
        """Whether a run is there, and its `.keras` file.

        Raises:
            ObjectNotFound: the run is gone or deleted, or holds no model.
            RegistryUnavailable: the registry does not answer.
        """
        client = self._client()
        with _asking():
            stage = client.get_run(run_id).info.lifecycle_stage
            files = {file.path for file in client.list_artifacts(run_id)}
        if stage != "active" or MODEL_FILE not in files:
            raise ObjectNotFound(f"MLflow run {run_id} was deleted, or holds no {MODEL_FILE}")

    @contextmanager
    def model_file(self, run_id: str) -> Iterator[Path]:
        """A local copy of a run's `.keras` file for as long as the context lasts.

        Raises:
            ObjectNotFound: as of `check_model`.
            RegistryUnavailable: the registry does not answer.
        """
        self.check_model(run_id)
        with TemporaryDirectory(prefix="xray-model-") as folder:
            with _asking():
                path = self._client().download_artifacts(run_id, MODEL_FILE, folder)
            yield Path(path)

    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self._url, registry_uri=self._url)

    def _experiment(self, client: "MlflowClient") -> str:
        found = client.get_experiment_by_name(MODEL_NAME)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(MODEL_NAME, artifact_location=self._artifacts))


@contextmanager
def _asking() -> Iterator[None]:
    """Tell of MLflow's own errors, and of those of the connection to it, in the project's."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code == _MISSING:
            raise ObjectNotFound(f"the model registry does not have what was asked for: {error.message}") from error
        raise RegistryUnavailable(f"the model registry does not answer as it should: {error.message}") from error
    except OSError as error:  # also whatever `requests` raises where MLflow lets it through
        raise RegistryUnavailable(f"the model registry does not answer as it should: {error}") from error


def _begin_model(client: "MlflowClient") -> None:
    """Make the registered model that all versions belong to, once, whoever else does at the same time."""
    from mlflow.exceptions import MlflowException

    if client.search_registered_models(f"name = '{MODEL_NAME}'"):
        return
    try:
        client.create_registered_model(MODEL_NAME, description=NOTICE)
    except MlflowException as error:
        if error.error_code != _THERE:
            raise


def _record_code(client: "MlflowClient", run_id: str) -> None:
    from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_GIT_DIRTY

    code = code_version.read_code_version(code_version.ROOT)
    client.log_param(run_id, "code_version", str(code))
    if code.commit is not None:
        client.set_tag(run_id, MLFLOW_GIT_COMMIT, code.commit)
        client.set_tag(run_id, MLFLOW_GIT_DIRTY, str(code.changed).lower())
