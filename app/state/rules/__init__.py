"""The model: what an event does to the rows, and how rows merge (docs/tables.md). It does without `fast/`."""
