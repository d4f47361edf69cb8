"""Programs, not tests: benchmarks, faults, fuzzing, soak, a new vendor. Each has tests of its own here."""
