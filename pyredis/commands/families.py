"""The families a server has. A new one is added here and nowhere else."""

from . import connection, hashes, keys, lists, server, sets, sorted_sets, strings

FAMILIES = [strings.FAMILY, lists.FAMILY, sets.FAMILY, hashes.FAMILY, sorted_sets.FAMILY, keys.FAMILY,
            connection.FAMILY, server.FAMILY]
