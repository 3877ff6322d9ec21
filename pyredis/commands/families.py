"""The families a server has. A new one is added here and nowhere else."""

from . import (
    acl,
    bitmaps,
    connection,
    geo,
    hashes,
    hyperloglog,
    keys,
    lists,
    monitoring,
    pubsub,
    scripting,
    server,
    sets,
    sorted_sets,
    sorting,
    streams,
    strings,
    transactions,
    waiting,
)

FAMILIES = [
    strings.FAMILY, lists.FAMILY, sets.FAMILY, hashes.FAMILY, sorted_sets.FAMILY, streams.FAMILY, bitmaps.FAMILY,
    hyperloglog.FAMILY, geo.FAMILY, keys.FAMILY, sorting.FAMILY, pubsub.FAMILY, connection.FAMILY,
    transactions.FAMILY, scripting.FAMILY, server.FAMILY, monitoring.FAMILY, waiting.FAMILY, acl.FAMILY,
]
