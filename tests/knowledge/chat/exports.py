"""Chat exports written to a file and read as documents."""

from pathlib import Path
from typing import Any, Final

from knowledge.chat.export_file import export_documents, on_disk
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.documents import SHARED, Document, Scope
from tests.knowledge.exporting import as_json, export

# The id of an export's source.
FILE: Final = "file:/export"


def read(path: Path, scope: Scope = SHARED, withheld: Withheld | None = None) -> list[Document]:
    found = export_documents(on_disk(path), FILE, scope, withheld or Withheld())
    return [made for made in found if made is not None]


def written(path: Path, messages: list[Any], **channel: Any) -> Path:
    path.write_bytes(as_json(export(messages, **channel)))
    return path
