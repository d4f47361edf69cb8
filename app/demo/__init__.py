"""The demo: sends a story for each vendor through a real Kafka and a real worker, and checks what came out.

The order to read it in: stories/*.toml (data, written by hand) -> story_file.py (reads it) -> story.py (what
a story is) -> publish.py -> the worker of stage.py -> look.py (reads everything back) -> compare.py (line by
line) -> show.py.
"""
