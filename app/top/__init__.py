"""`rollcall top`: the status of workers in a terminal."""
