"""The consumer: it fetches, dispatches, commits and takes part in rebalances."""
