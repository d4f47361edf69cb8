"""Runs real workers under constant load for a long time, half of it with kills: `python -m tests.tools.soak`.

It demands that nothing is lost and that every row is right. It reports times and memory, and demands none.
"""
