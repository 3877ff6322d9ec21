"""ping -- how long a client waits for a PONG while the server is busy with others.

    python -m bench.load.ping PORT     until its standard input closes; then prints JSON, milliseconds

It shares the generator's core with the loader. With the right to do so it asks for real-time scheduling,
so that what it sees is the server's delay and not its own wait for the core; "realtime" in its output says
if it got that.
"""

import json
import os
import select
import socket
import sys
import time

PAUSE = 0.0005


def main() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        realtime = True
    except (OSError, AttributeError):
        realtime = False
    waits = []
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not select.select([sys.stdin], [], [], PAUSE)[0]:
            began = time.perf_counter_ns()
            connection.sendall(b"PING\r\n")
            if connection.recv(16) != b"+PONG\r\n":
                raise RuntimeError("not a PONG")
            waits.append((time.perf_counter_ns() - began) / 1e6)
    waits.sort()
    json.dump({"median": waits[len(waits) // 2], "p99.9": waits[len(waits) * 999 // 1000], "max": waits[-1],
               "samples": len(waits), "realtime": realtime}, sys.stdout)


if __name__ == "__main__":
    main()
