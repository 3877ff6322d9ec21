"""client_control: AUTH, HELLO and CLIENT."""


def auth(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_capa(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_getname(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_help(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_id(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_import_source(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_info(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_kill(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_list(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_no_evict(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_no_touch(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_pause(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_reply(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_setinfo(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_setname(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_unblock(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def client_unpause(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")


def hello(server, client, argv):  # type: ignore
    raise RuntimeError("not yet")
