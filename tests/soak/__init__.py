"""Real workers under constant load for a long time, half of it with kills: `python -m tests.soak`.

Times and memory are reported, never asserted; that nothing is lost and every row is right is demanded.
"""
