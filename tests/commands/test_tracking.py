"""Client-side caching: played as scenes on pyredis and on Redis 8, word for word alike.

A line of a scene is "who: command". What a connection is sent, because of its own commands or of those of others,
must be the same bytes on both servers; a line "who?" asks for what it has got meanwhile.
"""

import pytest

from tests.commands.player import Player

SCENES = {
    "a key that was read is told once, and only after it was read": """
        a: HELLO 3 | a: CLIENT TRACKING on | b: SET k 1 | a? | a: GET k | b: SET k 2 | a? | b: SET k 3 | a?
        a: GET k | b: DEL k | a? | a: EXISTS k | b: SET k x | a?""",
    "every key of a command that reads is known": """
        b: MSET {t}x 1 {t}y 2 | b: SADD {t}s 1 | b: ZADD {t}z 1 m
        a: HELLO 3 | a: CLIENT TRACKING on | a: MGET {t}x {t}y | b: SET {t}y 3 | a? | b: SET {t}x 3 | a?
        a: SINTERCARD 2 {t}s {t}q | b: SADD {t}q 1 | a? | a: ZUNION 2 {t}z {t}w | b: ZADD {t}w 1 a | a?
        a: SORT_RO {t}s | b: SREM {t}s 1 | a? | a: OBJECT ENCODING {t}x | b: SET {t}x 9 | a?""",
    "what a client writes itself is told to it, unless it says NOLOOP": """
        a: HELLO 3 | a: CLIENT TRACKING on | a: SET k 1 | a: GET k | a: SET k 2 | a?
        a: CLIENT TRACKING on NOLOOP | a: GET k | a: SET k 3 | a? | a: GET k | b: SET k 4 | a?
        b: SET k 5 | a? | a: GET k | a: SET k 6 | b: SET k 7 | a?""",
    "OPTIN tracks what follows CLIENT CACHING YES": """
        a: HELLO 3 | a: CLIENT TRACKING on OPTIN | a: GET k | b: SET k 1 | a?
        a: CLIENT CACHING yes | a: CLIENT TRACKINGINFO | a: GET k | a: GET l | b: SET l 1 | a? | b: SET k 2 | a?
        a: CLIENT TRACKINGINFO""",
    "OPTOUT tracks all but what follows CLIENT CACHING NO": """
        a: HELLO 3 | a: CLIENT TRACKING on OPTOUT | a: GET k | b: SET k 1 | a?
        a: CLIENT CACHING no | a: GET k | a: GET l | b: SET k 1 | a? | b: SET l 2 | a?""",
    "BCAST tells of all keys under a prefix, together, whoever has read them": """
        a: HELLO 3 | a: CLIENT TRACKING on BCAST PREFIX u: PREFIX v: | b: MSET u:2 1 u:1 1 w:1 1 v:1 1 | a?
        b: INCR u:1 | a? | b: SET w:1 2 | a? | a: CLIENT TRACKING off | b: SET u:1 3 | a?""",
    "BCAST without a prefix tells of all, and NOLOOP leaves out one's own": """
        a: HELLO 3 | a: CLIENT TRACKING on BCAST NOLOOP | a: SET k 1 | a? | b: SET k 2 | a?
        c: HELLO 3 | c: CLIENT TRACKING on BCAST | a: SET z 2 | a? | c?""",
    "flushing tells all that everything is void": """
        a: HELLO 3 | a: CLIENT TRACKING on | a: GET k | b: FLUSHDB | a? | b: SET k 1 | a?
        a: GET k | b: FLUSHALL | a? | b: SET k 1 | a?""",
    "a flush forgets what was read by those who no longer track": """
        a: HELLO 3 | a: CLIENT TRACKING on | a: GET k | a: GET l | a: CLIENT TRACKING off | b: FLUSHALL
        a: CLIENT TRACKING on | b: SET k 1 | a? | a: CLIENT TRACKING off | a: CLIENT TRACKING on | a: GET k
        a: CLIENT TRACKING off | a: CLIENT TRACKING on | b: SET k 2 | a?""",
    "RESP2 is told on another connection that has subscribed": """
        c: CLIENT ID | c: SUBSCRIBE __redis__:invalidate | a: CLIENT TRACKING on REDIRECT $c | a: CLIENT GETREDIR
        a: GET k | b: SET k 1 | a? | c? | a: GET k | b: FLUSHALL | c? | a: CLIENT TRACKINGINFO""",
    "RESP2 without a redirection is told nothing": """
        a: CLIENT TRACKING on | a: GET k | b: SET k 1 | a?""",
    "one that redirected to a connection that is gone is told so": """
        c: HELLO 3 | a: HELLO 3 | a: CLIENT TRACKING on REDIRECT $c | a: GET k | b: SET k 1 | a? | c?
        c: QUIT | a: GET k | b: SET k 2 | a? | a: CLIENT TRACKINGINFO""",
    "expiry and other types of change are told": """
        a: HELLO 3 | a: CLIENT TRACKING on | b: SET k 1 | a: GET k | b: EXPIRE k 100 | a? | a: TTL k | b: PERSIST k | a?
        a: GET k | b: RENAME k l | a? | a: GET l | b: COPY m l | a? | a: GET l | b: PEXPIREAT l 1 | a?""",
    "what was changed before it was read is no news": """
        a: HELLO 3 | a: CLIENT TRACKING on | a: MULTI | a: SET k 1 | a: GET k | a: EXEC | a? | b: SET k 2 | a?
        a: MULTI | a: MSET k 1 l 2 | a: PEXPIRE l 100000 | a: GET l | a: EXEC | a? | b: DEL k l | a?
        a: EVAL "redis.call('SET',KEYS[1],1) return redis.call('GET',KEYS[1])" 1 k | a? | b: SET k 2 | a?
        b: SET k 1 PX 1 | a: BLPOP nothing 0.03 | a: GET k | a? | b: SET k 2 | a?""",
    "each change after a reading is told, also within one transaction or script": """
        a: HELLO 3 | a: CLIENT TRACKING on | a: GET k | a: MULTI | a: INCR k | a: GET k | a: INCR k | a: EXEC | a?
        a: GET k | a: MULTI | a: INCR k | a: GET k | a: EXEC | a? | b: INCR k | a?
        a: GET k | a: EVAL "for i = 1, 3 do redis.call('INCR', 'k') redis.call('GET', 'k') end" 0 | a? | b: INCR k | a?
        b: MULTI | b: INCR k | b: GET k | b: INCR k | b: EXEC | a?
        a: GET k | a: GET l | a: MULTI | a: FLUSHDB | a: GET k | a: EXEC | a? | b: SET k 1 | a? | b: SET l 1 | a?""",
    "errors": """
        a: CLIENT TRACKING | a: CLIENT TRACKING maybe | a: CLIENT TRACKING on REDIRECT
        a: CLIENT TRACKING on REDIRECT abc | a: CLIENT TRACKING on REDIRECT 99999 | a: CLIENT TRACKING on REDIRECT 0
        a: CLIENT TRACKING on REDIRECT -1 | a: CLIENT TRACKING on REDIRECT $a REDIRECT $a
        a: CLIENT TRACKING on PREFIX | a: CLIENT TRACKING on PREFIX a | a: CLIENT TRACKING off foo
        a: CLIENT TRACKING on OPTIN OPTOUT | a: CLIENT TRACKING on BCAST OPTIN | a: CLIENT TRACKING on BCAST OPTOUT
        a: CLIENT TRACKING on BCAST PREFIX aa PREFIX a | a: CLIENT TRACKING on BCAST PREFIX aa PREFIX aa
        a: CLIENT CACHING yes | a: CLIENT CACHING foo | a: CLIENT GETREDIR | a: CLIENT TRACKINGINFO
        a: CLIENT TRACKING on | a: CLIENT TRACKINGINFO | a: CLIENT TRACKING on BCAST | a: CLIENT CACHING yes
        a: CLIENT TRACKING on OPTIN | a: CLIENT TRACKING on OPTOUT | a: CLIENT CACHING no | a: CLIENT CACHING foo
        a: CLIENT TRACKING off | a: CLIENT TRACKING off | a: CLIENT TRACKING on BCAST PREFIX b
        a: CLIENT TRACKING on BCAST PREFIX bc | a: CLIENT TRACKING on BCAST PREFIX c | a: CLIENT TRACKING on BCAST
        a: CLIENT TRACKINGINFO | a: CLIENT TRACKING on | a: RESET | a: CLIENT TRACKINGINFO""",
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=list(SCENES))
def test_everybody_is_told_what_redis_tells_them(peer, server, scene):
    for one in (server, peer("redis8")):
        Player(one).ask("flusher", "FLUSHALL")
    assert Player(server).play(scene) == Player(peer("redis8")).play(scene)
