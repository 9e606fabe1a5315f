"""The Prefect skin: one module per stage. A task is a shard or a stage, never an image, and returns ids and figures."""
