"""Load generators of our own, for what redis-benchmark cannot do: exact keyspaces, a client that waits."""
