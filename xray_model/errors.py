"""The exceptions of this project: each message says what was found, where, and what to do."""


class XrayError(Exception):
    """Anything this project refuses or cannot do, for a reason it can name."""


class InvalidInput(XrayError):
    """Something from outside (a batch, a file, an argument) is not what it should be."""


class UnknownLayout(InvalidInput):
    """The files of a batch follow no layout that a reader knows."""


class UnreadableImage(InvalidInput):
    """The bytes of one image cannot be decoded, or must not be (too large, another format)."""


class ConfigurationError(XrayError):
    """A setting or option is missing, or contradicts another."""


class WeightsError(ConfigurationError):
    """The weights a training asks for are missing, of another shape, or not the ones expected."""


class ObjectNotFound(XrayError):
    """The store holds no object under a key."""


class StoreUnavailable(XrayError):
    """The store did not answer, or refused, after all retries."""


class RegistryUnavailable(StoreUnavailable):
    """The model registry did not answer, or did not do what it was told."""


class DecisionOvertaken(XrayError):
    """Another decision came first, and what this one was about is no longer so."""


class LeakFound(XrayError):
    """A patient or an image stands on both sides of a split: training must not start."""


class SnapshotRefused(XrayError):
    """A snapshot breaks a rule that every training set must keep, or nobody knows whether it does."""
