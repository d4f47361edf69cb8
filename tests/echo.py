"""Says what it was started with; for tests/test_prefork.py."""

import os
import sys

print(os.environ.get("APP_ID"), sys.argv[1:], sys.stdin.read())
print("said", file=sys.stderr)
sys.exit(7)
