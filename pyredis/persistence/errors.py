"""errors: what the parts of persistence raise for whoever started them."""


class CannotStart(Exception):
    """The server has to end; the log says why."""
