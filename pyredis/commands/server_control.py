"""server_control: INFO, MEMORY, DEBUG, LOLWUT and SHUTDOWN."""


def debug(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def info(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def lolwut(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def memory_doctor(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def memory_help(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def memory_malloc_stats(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def memory_purge(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def memory_stats(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def memory_usage(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def shutdown(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")
