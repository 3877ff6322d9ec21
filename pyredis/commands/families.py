"""The families a server has. A new one is added here and nowhere else."""

from . import connection, keys, lists, server, strings

FAMILIES = [strings.FAMILY, lists.FAMILY, keys.FAMILY, connection.FAMILY, server.FAMILY]
