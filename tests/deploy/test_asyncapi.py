"""AsyncAPI's own parser takes the document, and would refuse a wrong one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import NODE_MODULES, missing, must, tool
from tests.docs.schema_files import FOLDER

# Prints what the parser has to say, one line each: how severe it is, its code, and the path.
_PROGRAM = """
const { Parser } = require(process.argv[1]);
let text = "";
process.stdin.on("data", (chunk) => { text += chunk; }).on("end", async () => {
    const { document, diagnostics } = await new Parser().parse(text);
    for (const each of diagnostics) console.log(each.severity, each.code, each.path.join("."));
    console.log(document === undefined ? "refused" : `taken ${document.allMessages().length}`);
});
"""


def parsed(document: Any) -> list[str]:
    """Returns the lines of the parser about the document."""
    package = NODE_MODULES / "@asyncapi/parser"
    if not package.is_dir():
        missing("npm's @asyncapi/parser")
    return must(tool("node"), "-e", _PROGRAM, package, stdin=json.dumps(document)).splitlines()


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.mark.deploy
def test_the_parser_takes_the_document_without_a_word_and_refuses_a_wrong_one() -> None:
    document = load(FOLDER / "asyncapi.json")
    assert parsed(document) == [f"taken {len(document['components']['messages'])}"]
    for part, member, value in (
        (document["operations"]["send-events"], "action", "emit"),
        (document["channels"]["events"]["bindings"]["kafka"], "partitions", "six"),
    ):
        right, part[member] = part[member], value
        *said, verdict = parsed(document)
        part[member] = right
        assert verdict == "refused"
        assert any(line.endswith(member) for line in said)
