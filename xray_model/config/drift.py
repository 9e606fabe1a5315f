"""When new images count as different from what the champion was trained on."""

from pydantic import Field

from xray_model.config.base import Options


class DriftPolicy(Options):
    """When the new images count as different from what the champion was trained on."""

    minimum_images: int = Field(
        30, ge=2, description="Below this number of new images nothing is said: too few to tell drift from chance."
    )
    number_threshold: float = Field(
        0.3, gt=0, description="Wasserstein distance, in standard deviations, from which a number counts as moved."
    )
    category_threshold: float = Field(
        0.2, gt=0, le=1, description="Jensen-Shannon distance from which a category counts as moved."
    )
    watch_share: float = Field(0.25, gt=0, le=1, description="Share of moved columns from which a night is watched.")
    retrain_share: float = Field(0.5, gt=0, le=1, description="Share of moved columns that asks for a retraining.")


class MonitorOptions(Options):
    """Comparing new images with the champion's reference."""

    policy: DriftPolicy = DriftPolicy()
