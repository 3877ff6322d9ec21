"""The families a server has. A new one is added here and nowhere else."""

from . import connection, keys, server, sets, strings

FAMILIES = [strings.FAMILY, sets.FAMILY, keys.FAMILY, connection.FAMILY, server.FAMILY]
