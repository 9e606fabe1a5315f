"""The table that a user gets: a row for each image, under its own name."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from storage.objects import open_objects
from storage.objects.keys import is_text, shown
from xray_model.errors import InvalidInput
from xray_model.outcomes import NOTICE, ImageWarning, ServedModel

_ON_S3 = "s3://"
_SUFFIX = ".parquet"
_NOTICE = {b"notice": NOTICE.encode()}


class Tally:
    """What stands in a table, counted while it is written."""

    def __init__(self) -> None:
        self.images = 0
        self.labels: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.warned: Counter[str] = Counter()
        self.warnings: dict[str, ImageWarning] = {}
        """By code, in the words of the first."""

    def add(self, part: pa.Table) -> None:
        """Count a part."""
        self.images += len(part)
        self.labels.update(label for label in part["predicted"].to_pylist() if label is not None)
        self.refused.update(reason for reason in part["refused"].to_pylist() if reason is not None)
        for codes, texts in zip(part["warnings"].to_pylist(), part["warning_texts"].to_pylist(), strict=True):
            self.warned.update(codes)
            for code, text in zip(codes, texts, strict=True):
                self.warnings.setdefault(code, ImageWarning(code=code, text=text))


def check_out(out: str) -> None:
    """Refuse a place where no table can be written, before hours of work are.

    Raises:
        InvalidInput: it has another ending, is not UTF-8 or no place of a table, or its folder is not there or may not
            be written.
    """
    if not is_text(out):
        raise InvalidInput(f"{shown(out)} is not UTF-8, and the place of the table is kept as text: give another")
    if not out.endswith(_SUFFIX):
        raise InvalidInput(f"{out} does not end in {_SUFFIX}: the table of predictions is a Parquet file")
    if out.startswith(_ON_S3):
        bucket, _, key = out.removeprefix(_ON_S3).partition("/")
        if not bucket or not key.removesuffix(_SUFFIX):
            raise InvalidInput(f"{out} names no object in a bucket: give s3://bucket/key{_SUFFIX}")
        return
    if "://" in out:
        raise InvalidInput(f"{out}: a table is written to a path of this machine or to s3://bucket/key{_SUFFIX}")
    folder = Path(out).parent
    if not Path(out).is_absolute():
        raise InvalidInput(f"{out} is a relative path, and whoever runs this may be elsewhere: give a whole one")
    if not folder.is_dir() or not os.access(folder, os.W_OK) or Path(out).is_dir():
        raise InvalidInput(f"the table cannot be written to {out}: its folder is not there, or may not be written")


def write_table(out: str, names: Sequence[str], parts: Iterable[pa.Table], model: ServedModel) -> Tally:
    """Write the table, over another if there is one; it is there whole or not at all.

    Args:
        out: an absolute path, or `s3://bucket/key`; see `check_out`.
        names: of the images below their root, in order.
        parts: answers in the same order.
        model: which one gave them.
    """
    tally = Tally()
    schema = _table_schema(model.classes)
    with _file_for(out) as path, pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in parts:
            own = names[tally.images : tally.images + len(part)]
            writer.write_table(_name_rows(part, own, model, schema))
            tally.add(part)
    return tally


def _table_schema(classes: Sequence[str]) -> pa.Schema:
    columns = {
        **dict.fromkeys(("path", "image_id", "refused", "label"), pa.string()),
        **{f"p_{name}": pa.float32() for name in classes},
        **dict.fromkeys(("warnings", "warning_texts"), pa.list_(pa.string())),
        "version": pa.int32(),
        **dict.fromkeys(("run_id", "snapshot_id"), pa.string()),
    }
    return pa.schema(list(columns.items()), metadata=_NOTICE)


def _name_rows(part: pa.Table, names: Sequence[str], model: ServedModel, schema: pa.Schema) -> pa.Table:
    always = {"version": model.version, "run_id": model.run_id, "snapshot_id": model.snapshot_id}
    columns = {
        "path": pa.array(names, pa.string()),
        "label": part["predicted"],
        **{name: pa.repeat(pa.scalar(value, schema.field(name).type), len(part)) for name, value in always.items()},
    }
    return pa.table(
        [columns.get(name, part[name] if name in part.column_names else None) for name in schema.names], schema=schema
    )


@contextmanager
def _file_for(out: str) -> Iterator[Path]:
    """A file that comes to be `out` where the context ends well."""
    if out.startswith(_ON_S3):
        root, _, name = out.rpartition("/")
        with TemporaryDirectory(prefix="xray-table-") as folder:
            path = Path(folder) / "table"
            yield path
            open_objects(root).put_file(name, path)
        return
    draft = Path(f"{out}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
