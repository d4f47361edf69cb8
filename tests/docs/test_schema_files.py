"""The files of docs/schemas are those that the code makes today."""

from tests.docs.schema_files import FOLDER, schema_files


def test_the_files_are_up_to_date_and_there_are_no_others() -> None:
    files = schema_files()
    assert {path.name for path in FOLDER.glob("*.json")} == {path.name for path in files}
    out_of_date = [path.name for path, text in files.items() if path.read_text("utf-8") != text]
    assert out_of_date == [], "to update them: .venv/bin/python -m tests.docs.generated_blocks"
