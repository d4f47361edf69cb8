"""Rollcall: five vendors' user events in, one canonical event and two tables out."""

__version__ = "0.2.0"
