"""The files of docs/schemas: what `rollcall schema --into` writes, with examples of the fixtures."""

from pathlib import Path
from typing import Final

from app.schemas.schema_documents import schema_document, text_of_document
from app.schemas.schema_names import ASYNCAPI, NAMES, file_of
from app.settings import Settings
from tests.docs.pages import ROOT
from tests.docs.schema_examples import examples

FOLDER: Final = ROOT / "docs/schemas"


def schema_files() -> dict[Path, str]:
    """Returns the text of each file by its path."""
    documents = {name: schema_document(name, Settings()) for name in NAMES}
    messages = documents[ASYNCAPI]["components"]["messages"]
    for name, found in examples(messages).items():
        messages[name]["examples"] = found
    return {FOLDER / file_of(name): text_of_document(document) for name, document in documents.items()}
