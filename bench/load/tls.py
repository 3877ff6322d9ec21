"""tls -- what TLS costs: the server's processor time a GET, with and without, and a handshake.

    python -m bench.load.tls [--seconds S] [--rounds N] [NAME ...]

Each server listens with and without TLS (1.3, a certificate with an ECDSA key on P-256); redis-benchmark asks for
GETs of 16 bytes on 50 connections with a pipeline of 1 and of 16. The servers take turns, and what is told is the
median of the rounds. Handshakes are full ones, one after the other, each with a PING.
"""

import argparse
import json
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import trustme

from bench import peers
from bench.measure import LOAD_CORE, SERVER_CORE, benchmark_program

CLIENTS = 50
PIPELINES = (1, 16)


def write_certificates(folder: Path) -> dict[str, Path]:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    files = {"tls-ca-cert-file": folder / "ca", "tls-cert-file": folder / "certificate", "tls-key-file": folder / "key"}
    authority.cert_pem.write_to_path(str(files["tls-ca-cert-file"]))
    issued.cert_chain_pems[0].write_to_path(str(files["tls-cert-file"]))
    issued.private_key_pem.write_to_path(str(files["tls-key-file"]))
    return files


def gets(server: peers.Server, words: list[str], pipeline: int, seconds: float) -> dict[str, float]:
    """Microseconds of processor time a GET, and GETs a second, of about so many seconds."""
    count, spent, took = 20_000 * pipeline, 0.0, 0.0
    while took < seconds / 2:
        count = count if not took else int(count * seconds / took)
        before, began = server.cpu_us(), time.monotonic()
        with peers.pinned(LOAD_CORE):
            subprocess.run([benchmark_program(), *words, "-c", str(CLIENTS), "-P", str(pipeline), "-n", str(count),
                            "-q", "-t", "get", "-d", "16"], check=True, stdout=subprocess.DEVNULL, timeout=120)
        spent, took = server.cpu_us() - before, time.monotonic() - began
    return {"cpu_us": spent / count, "rps": count / took}


def handshakes(server: peers.Server, port: int, ca: Path, count: int = 200) -> float:
    """Microseconds of processor time each."""
    context = ssl.create_default_context(cafile=str(ca))
    before = server.cpu_us()
    with peers.pinned(LOAD_CORE):
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", port)) as plain, \
                    context.wrap_socket(plain, server_hostname="localhost") as sock:
                sock.sendall(b"PING\r\n")
                sock.recv(100)
    return (server.cpu_us() - before) / count


def measure(name: str, files: dict[str, Path], seconds: float) -> dict[str, float]:
    port = peers.free_port()
    options = [word for option, path in files.items() for word in ("--" + option, str(path))]
    found: dict[str, float] = {}
    with peers.start(name, "--tls-port", str(port), "--tls-auth-clients", "no", *options, cpu=SERVER_CORE) as server:
        server.call("SET", "key:__rand_int__", "x" * 16)
        kinds = {"plain": ["-p", str(server.port)],
                 "tls": ["-p", str(port), "--tls", "--cacert", str(files["tls-ca-cert-file"])]}
        for pipeline in PIPELINES:
            for kind, words in kinds.items():
                got = gets(server, words, pipeline, seconds)
                found[f"{kind} P{pipeline} cpu_us"] = got["cpu_us"]
                found[f"{kind} P{pipeline} rps"] = got["rps"]
        found["handshake cpu_us"] = handshakes(server, port, files["tls-ca-cert-file"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="servers (default: pyredis and redis7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    names = given.names or ["pyredis", "redis7"]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        files = write_certificates(Path(folder))
        for number in range(given.rounds):
            for name in names if number % 2 == 0 else names[::-1]:
                rounds[name].append(measure(name, files, given.seconds))
    told = {name: {what: round(statistics.median(one[what] for one in found), 2) for what in found[0]}
            for name, found in rounds.items()}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
