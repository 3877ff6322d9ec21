"""The families a server has. A new one is added here and nowhere else."""

from . import bitmaps, connection, hashes, hyperloglog, keys, lists, server, sets, sorted_sets, sorting, strings

FAMILIES = [strings.FAMILY, lists.FAMILY, sets.FAMILY, hashes.FAMILY, sorted_sets.FAMILY, bitmaps.FAMILY,
            hyperloglog.FAMILY, keys.FAMILY, sorting.FAMILY, connection.FAMILY, server.FAMILY]
