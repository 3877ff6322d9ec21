"""Waiting: until what a connection has written is kept on the disk, or by replicas."""

from .spec import BLOCKING, Array, Category, Command, Family, Integer, Number

TIPS = ["request_policy:all_shards", "response_policy:agg_min"]

FAMILY = Family("generic", categories=Category.CONNECTION, commands=[
    Command("WAIT", since="3.0.0", arity=3, flags=BLOCKING, keys=[],
            args=[Integer("numreplicas"), Integer("timeout")],
            reply=Number("how many replicas have what this connection has written"),
            tips=TIPS,
            summary="Waits until so many replicas have all that this connection has written."),

    Command("WAITAOF", since="7.2.0", arity=4, flags=BLOCKING, keys=[],
            args=[Integer("numlocal"), Integer("numreplicas"), Integer("timeout")],
            reply=Array("1 if what this connection has written is on the disk here, else 0; and on the disks of how "
                        "many replicas"),
            tips=TIPS,
            summary="Waits until what this connection has written is on the disk, here and on replicas."),
])
