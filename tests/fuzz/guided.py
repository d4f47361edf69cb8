"""`--atheris`: inputs that are led by the coverage of `app`, without end, where Atheris is installed.

Not repeatable by a number; libFuzzer writes what it finds to a file `crash-...`, prints it too, and can
be given that file again.
"""

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path


def guided(runs: int) -> int:
    """`runs`: 0 = until stopped. Does not return where something was found: libFuzzer ends the process."""
    try:
        import atheris
    except ImportError:
        print("Atheris is not installed: pip install -e '.[fuzz]'", file=sys.stderr)
        return 1
    with atheris.instrument_imports(include=["app"]):
        import_module("app.vendors")
        import_module("app.state")
    # Not before the lines above: what is imported already is not instrumented.
    from app.vendors import VENDORS, Options
    from tests.fuzz.campaign import Report, finding_of
    from tests.fuzz.corpus import event_seeds, record_seeds
    from tests.fuzz.finding import Finding
    from tests.fuzz.inputs import HistoryInput, Input, RecordInput
    from tests.vendors.fixtures import DEFAULT_TIMESTAMP

    vendors = list(VENDORS)

    def judge(data: bytes) -> None:
        """The first byte is the target, the rest the body; for the state, events at a line each."""
        if not data:
            return
        target, body = data[0] % (len(vendors) + 1), data[1:]
        it: Input = HistoryInput(body.split(b"\n"))
        if target < len(vendors):
            it = RecordInput(vendors[target], body, [], DEFAULT_TIMESTAMP, 0, Options())
        if finding := finding_of(it, Report()):
            raise Finding(finding)

    with tempfile.TemporaryDirectory(prefix="rollcall-fuzz-") as corpus:
        bodies = [(index, it.seed.body) for index, name in enumerate(vendors) for it in record_seeds(name)]
        bodies += [(len(vendors), seed.body) for seed in event_seeds()]
        for number, (index, body) in enumerate(bodies):
            (Path(corpus) / str(number)).write_bytes(bytes([index]) + body)
        arguments = [sys.argv[0], "-max_len=20000", *([f"-runs={runs}"] if runs else []), corpus]
        atheris.Setup(arguments, judge, internal_libfuzzer=True)
        atheris.Fuzz()
    return os.EX_OK
