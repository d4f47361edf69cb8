"""`--atheris`: tries inputs that are guided by the coverage of `app`, if Atheris is installed.

Such an input has no number. libFuzzer prints what it finds and writes it to a file `crash-...`, which can be
given to it again.
"""

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path


def guided(runs: int) -> int:
    """Returns the exit code if nothing was found; otherwise libFuzzer ends the process. `runs`: 0 for a run
    until it is stopped."""
    try:
        import atheris
    except ImportError:
        print("Atheris is not installed: pip install -e '.[fuzz]'", file=sys.stderr)
        return 1
    with atheris.instrument_imports(include=["app"]):
        import_module("app.vendors")
        import_module("app.state")
    # Imported after the lines above, because Atheris does not instrument modules that are already imported.
    from app.vendors import VENDORS, Options
    from tests.tools.fuzz.campaign import Report, finding_of
    from tests.tools.fuzz.corpus import event_seeds, record_seeds
    from tests.tools.fuzz.finding import Finding
    from tests.tools.fuzz.inputs import HistoryInput, Input, RecordInput
    from tests.vendors.fixtures import DEFAULT_TIMESTAMP

    vendors = list(VENDORS)

    def judge(data: bytes) -> None:
        """Tries the input. Its first byte is the target, the rest the body; for the state, one event a
        line."""
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
