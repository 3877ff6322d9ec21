"""The families a server has. A new one is added here and nowhere else."""

from . import connection, hashes, keys, lists, server, sets, sorted_sets, sorting, streams, strings

FAMILIES = [strings.FAMILY, lists.FAMILY, sets.FAMILY, hashes.FAMILY, sorted_sets.FAMILY, streams.FAMILY,
            keys.FAMILY, sorting.FAMILY, connection.FAMILY, server.FAMILY]
