"""New topics with the same events and rows: `rollcall rebuild` and `rollcall repartition`."""
