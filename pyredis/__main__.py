"""python -m pyredis: the same as pyredis-server."""

import sys

from pyredis.cli.server import main

if __name__ == "__main__":
    sys.exit(main())
