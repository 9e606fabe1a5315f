"""Everything that lasts: the store of objects and what lies in it, the model registry, the reports."""
