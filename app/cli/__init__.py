"""The `rollcall` command line: one module a command."""
