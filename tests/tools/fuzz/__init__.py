"""Makes millions of hostile inputs of a seed: for the vendors' `convert`, dead letters, the decoder, the
state, and the rows of the changelogs.

Input N of seed S has the same bytes on every machine, so a finding is two numbers and no payload. The order
to read the files in: sites.py (where a text can be edited), hostile_values.py (what is put there), reshape.py
and damage.py (the edits), headers.py (headers, keys and timestamps), corpus.py (what is edited), inputs.py
and row_inputs.py (the N-th input), records.py, dead_letters.py, laws.py and row_laws.py (what must be true of
it), campaign.py (many processes, and the watchdog), minimise.py (the smallest input with the same finding).
"""
