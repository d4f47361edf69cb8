"""The watchdog: it ends a worker that hangs (docs/design.md#watchdog)."""
