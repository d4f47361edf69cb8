"""Records through today's mapping, or through two versions of it: `rollcall replay` and `rollcall diff`."""
