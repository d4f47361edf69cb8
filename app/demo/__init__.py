"""The demo: a story for each vendor, told to a real Kafka and a real worker, and compared with what came out.

story.py (what a story is) and stories/ (the five, as data written by hand) -> publish.py -> the worker
of stage.py -> look.py (reads everything back) -> compare.py (line by line) -> show.py.
"""
