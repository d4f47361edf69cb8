"""The tables: their rows in memory, their changelogs, the restore, and the repair after a zombie has
written."""
