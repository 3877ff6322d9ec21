"""The families a server has. A new one is added here and nowhere else."""

from . import connection, keys, server, strings

FAMILIES = [strings.FAMILY, keys.FAMILY, connection.FAMILY, server.FAMILY]
