"""Speed and size of the real programs, measured; `make bench` runs them. Nothing here is asserted."""
