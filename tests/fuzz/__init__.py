"""Millions of hostile inputs from a seed: for the vendors' `convert`, dead letters, the decoder, the state,
and the rows of the changelogs.

Input N of seed S is the same bytes on every machine, so a finding is two numbers and no payload. To read
it: sites.py (where a text can be edited), odd.py (what is put there), reshape.py and damage.py (the
edits), headers.py (what stands around a body), corpus.py (what is edited), inputs.py and row_inputs.py
(the N-th input), records.py, letters.py, laws.py and row_laws.py (what must hold of it), campaign.py (many
processes, and the watchdog), minimise.py (the least input that does the same).
"""
