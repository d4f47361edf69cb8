"""`rollcall schema`: the JSON Schemas and the AsyncAPI document. It needs no Kafka."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.errors import CommandFailed
from app.schemas.schema_names import NAMES, file_of
from app.settings import Settings

_UNFINISHED: Final = ".unfinished"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", choices=NAMES, metavar="NAME", help="print this document")
    what.add_argument("--list", action="store_true", help="print the names of all documents")
    what.add_argument("--into", type=Path, metavar="FOLDER", help="write all documents into this folder")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Prints or writes documents. Returns the exit code, 0. Raises CommandFailed if a file cannot be
    written."""
    if options.list:
        print("\n".join(NAMES))
        return 0
    from app.versions import check_versions

    check_versions()  # first, because with other versions the import of the engine may fail
    from app.schemas.schema_documents import schema_document, text_of_document

    if options.name:
        sys.stdout.write(text_of_document(schema_document(options.name, settings)))
        return 0
    texts = {file_of(name): text_of_document(schema_document(name, settings)) for name in NAMES}
    for name, text in texts.items():
        path = options.into / name
        _write(path, text)
        print(path)
    return 0


def _write(path: Path, text: str) -> None:
    """Writes the file as a whole: a reader finds the old file or the new one, never half of it."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{_UNFINISHED}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_text(text, "utf-8")
            unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error.strerror}") from None
