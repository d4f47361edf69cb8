"""Faults on a real Kafka, and an independent recount of what they did: `python -m tests.faults`."""
