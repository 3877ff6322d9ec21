"""maxmemory over real connections: what is under way to clients does not cost keys."""

import socket
import time

from bench.peers import Client, info_fields


def figures(client):
    fields = info_fields(client.call("INFO"))
    return int(fields["used_memory"]), int(fields["evicted_keys"])


def test_invalidations_that_are_about_to_leave_cost_no_more_keys(start_server):
    server = start_server("--maxmemory-policy", "allkeys-lru", "--maxmemory-eviction-tenacity", "100")
    writer = Client(server.port)
    readers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(10)]
    for reader in readers:
        reader.sendall(b"HELLO 3\r\nCLIENT TRACKING on\r\n")
    for n in range(300):
        name = f"{n}" + "x" * 1000
        writer.call("SET", name, "x")
        for reader in readers:
            reader.sendall(f"GET {name}\r\n".encode())
            reader.recv(1 << 16)
    limit, gone = figures(writer)
    for _ in range(50):                          # idle blocks go first
        limit -= 40_000
        writer.call("CONFIG", "SET", "maxmemory", limit)
        for _ in range(5):
            figures(writer)
            time.sleep(0.01)
        gone = figures(writer)[1]
        if gone:
            break
    for reader in readers:
        reader.close()
    assert 1 <= gone <= 150
