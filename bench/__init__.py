"""Measuring pyredis beside the real servers: pairs, one machine, the same run."""
