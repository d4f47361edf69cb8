"""`python -m app` is `rollcall`."""

import sys

from app.cli.main import main

sys.exit(main())
