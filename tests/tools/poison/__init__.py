"""Gives two real workers thousands of poisoned records, kills them all the while, and counts everything.

The order to read the files in: dose.py (what is sent at once), vendor_doses.py, canonical_doses.py and
changelog_doses.py (the kinds of poison), doses.py (all of a seed), batches.py and sender.py (how it is
written), memory.py and health.py (what is measured from outside), ends.py (what has ended a worker),
campaign.py (the run), figures.py (what must hold).
"""
