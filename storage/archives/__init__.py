"""The files of a batch, loose or inside archives (`.zip .tar .tgz .tar.gz`), under one set of names."""

from storage.archives.batch import BatchFiles
from storage.archives.members import ArchiveLimits

__all__ = ["ArchiveLimits", "BatchFiles"]
