"""Writes the first version of everything that a new vendor needs: `python -m tests.tools.new_vendor acme`."""
