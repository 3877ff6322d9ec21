"""pyredis: a Redis-compatible server. The compiled core is `_pyredis`; this package is its control plane."""

__version__ = "0.1.0"
