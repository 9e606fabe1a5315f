"""Objects under keys, in a bucket (`s3://`) or a directory (`file://`), behind one interface."""

from storage.objects.interface import ObjectInfo, Objects, get_all, open_objects

__all__ = ["ObjectInfo", "Objects", "get_all", "open_objects"]
