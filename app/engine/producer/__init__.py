"""The producer: many slices wait for the same few requests (docs/design.md#group-commit)."""
