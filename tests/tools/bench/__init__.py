"""Measures the speed and size of the real programs (`make bench`). Nothing here is asserted."""
