"""A vendor's own export of users: `rollcall import` and `rollcall reconcile`."""
