"""manual: what --help of the programs prints, laid out as a manual page."""

from collections.abc import Sequence

from pyredis import __version__

SERVER = """\
Usage: pyredis-server [/path/to/pyredis.conf] [options] [-]

NAME
    pyredis-server - a server of the Redis protocol

SYNOPSIS
    pyredis-server [FILE] [--PARAMETER VALUE ...] [-]
    pyredis-server - [--PARAMETER VALUE ...]
    pyredis-server -v | --version | -h | --help
    pyredis-server --default-config | --check-system

DESCRIPTION
    Keeps data in memory and serves it to redis-cli and the client libraries of Redis, on port 6379 unless told
    otherwise. It stays in the foreground and logs to stdout.

    FILE, stdin and options are read in this order, and the last word about a parameter counts. Without any, every
    parameter has Redis's default.

OPTIONS
    FILE                        a configuration file, in the form of redis.conf
    -                           read configuration lines from stdin; the first or the last word
    --PARAMETER VALUE ...       any parameter of the configuration file
    -v, --version               print the version
    -h, --help                  print this
    --default-config            print a configuration file: every parameter, what it does, its default
    --check-system              look at the settings of the kernel that matter; exit code 1: one should be changed

SIGNALS
    TERM                        save if there are save points, then end (shutdown-on-sigterm)
    INT                         the same (shutdown-on-sigint); a second one ends at once, without saving
    HUP, PIPE                   ignored

FILES
    dump.rdb                    the snapshot (dbfilename), in the working directory (dir)
    appendonlydir/              the append-only files and their manifest (appenddirname), in the same place
    /var/run/pyredis.pid        the process id with `daemonize yes`, unless pidfile says where

ENVIRONMENT
    NOTIFY_SOCKET               where systemd is told of readiness (supervised systemd, or auto)
    UPSTART_JOB                 the same for upstart

EXIT CODES
    0                           ended as asked, or printed what was asked for
    1                           a wrong configuration, a port in use, data that cannot be read; stderr or the log tells

EXAMPLES
    pyredis-server
    pyredis-server --port 7777 --save 60 1 --maxmemory 128mb
    pyredis-server /etc/pyredis.conf --loglevel verbose
    echo 'maxmemory 128mb' | pyredis-server -
    pyredis-server --default-config > pyredis.conf

SEE ALSO
    pyredis-check-rdb, pyredis-check-aof
"""

CHECK_RDB = """\
Usage: {program} <rdb-file-name>

NAME
    {program} - is a snapshot (RDB file) whole?

SYNOPSIS
    {program} FILE
    {program} -v | --version | -h | --help

DESCRIPTION
    Reads every byte and makes every value, as a server does at its start, and prints what it finds with its offset.
    The file is not changed. It needs as much memory as the largest value.

EXIT CODES
    0                           a server would load it
    1                           it would not, or the file cannot be read

EXAMPLES
    {program} /var/lib/pyredis/dump.rdb
"""

CHECK_AOF = """\
Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>

NAME
    {program} - is an append-only file whole? Cuts off what is not

SYNOPSIS
    {program} FILE
    {program} --fix FILE
    {program} --truncate-to-timestamp SECONDS FILE
    {program} -v | --version | -h | --help

DESCRIPTION
    FILE is a manifest, which stands for all its files, or one file. End the server first, and copy the files before
    you have them cut.

OPTIONS
    --fix                       cut the last file behind its last whole command; asks before it does
    --truncate-to-timestamp N   cut before the first command later than N, in seconds since 1970; the log must have
                                been written with `aof-timestamp-enabled yes`

EXIT CODES
    0                           all is whole, or has been cut to be
    1                           it is not, or a file cannot be read

EXAMPLES
    {program} appendonlydir/appendonly.aof.manifest
"""


def answer(words: Sequence[str], program: str, page: str) -> bool:
    """Prints the page or the version, if that is what was asked for."""
    if len(words) == 1 and words[0] in ("-h", "--help"):
        print(page.format(program=program), end="")
        return True
    if len(words) == 1 and words[0] in ("-v", "--version"):
        print(f"{program} {__version__}")
        return True
    return False
