# rows -- the table of commands, from what Python declares. The story is in rows.pyx.
from _pyredis.cmd.ctx cimport Command, Table

cdef fill_table(Table* t, rows)
cdef list keys_in(const Command* c, list argv)
