"""Measures Rollcall's worker beside its peers on the same records (`make bench-peers`), and compares what
each of them wrote. Nothing here is asserted."""
