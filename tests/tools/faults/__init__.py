"""Faults on a real Kafka, and an independent count of what they did: `python -m tests.tools.faults`."""
