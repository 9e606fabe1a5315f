"""What is done about unequal classes, by name: to the training split alone.

A strategy is one function from the training split to what an epoch is made of. Adding one is its function, its entry
in `STRATEGIES`, and its name in `config.Rebalancing`.
"""

from collections.abc import Callable, Sequence

from xray_model.config import Rebalancing, TrainingOptions
from xray_model.errors import InvalidInput
from xray_model.network.rebalancing import drawing, synthesis, weighting
from xray_model.network.rebalancing.epoch import Epoch, Imbalance
from xray_model.network.samples import LabelledFeatures

Strategy = Callable[[Imbalance, TrainingOptions], Epoch]

STRATEGIES: dict[Rebalancing, Strategy] = {
    "none": drawing.keep_all,
    "class_weight": weighting.weight_classes,
    "class_balanced": weighting.weight_effective_numbers,
    "focal": weighting.focus_on_hard,
    "oversample": drawing.oversample,
    "undersample": drawing.undersample,
    "balanced_batches": drawing.balance_batches,
    "augment_minority": drawing.add_views,
    "smote": synthesis.add_smote,
    "adasyn": synthesis.add_adasyn,
    "mixup_minority": synthesis.add_mixtures,
}


def rebalance(train: LabelledFeatures, classes: Sequence[str], options: TrainingOptions) -> Epoch:
    """What an epoch is made of, by the strategy that `options.rebalancing` names.

    Args:
        train: the training split, and no other.
        classes: names of the class numbers.
        options: the strategy, its own options, batch size and seed.

    Raises:
        InvalidInput: a class has no training image.
        ConfigurationError: the strategy cannot work on these images.
    """
    imbalance = Imbalance(train, tuple(classes))
    empty = [name for name, count in zip(classes, imbalance.counts, strict=True) if count == 0]
    if empty:
        raise InvalidInput(f"the training split holds no image of {', '.join(empty)}: nothing can be learned of it")
    return STRATEGIES[options.rebalancing](imbalance, options)
