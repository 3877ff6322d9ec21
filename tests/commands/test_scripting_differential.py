"""Scripts beside a real Redis 8: values on their way into Lua and out of it, in both protocols, and errors' texts.

Both servers get the same bytes and have to answer the same.
"""

import itertools

import pytest

from bench import peers
from tests.demand import demand
from tests.session import R, encode

SETUP = ["SET str 1", "RPUSH l a b", "HSET h a 1", "SADD s x", "ZADD z 1.5 m", "XADD x 1-1 a b", "SET big " + "y" * 300]

# A value as text, whatever is in it.
TELL = """local function tell(v)
    if type(v) ~= 'table' then return type(v) .. ':' .. tostring(v) end
    local keys, text = {}, '{'
    for k in pairs(v) do keys[#keys + 1] = k end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for _, k in ipairs(keys) do text = text .. tostring(k) .. '=' .. tell(v[k]) .. ',' end
    return text .. '}'
end
"""

CALLS = """'get', 'str'|'get', 'none'|'get', 'big'|'hgetall', 'h'|'smembers', 's'|'zrange', 'z', 0, -1, 'withscores'
'zscore', 'z', 'm'|'zscore', 'z', 'none'|'lpop', 'none', 2|'lrange', 'l', 0, -1|'ping'|'set', 'str', 1|'incr', 'str'
'incr', 'l'|'xrange', 'x', '-', '+'|'xread', 'streams', 'x', 0|'xread', 'block', 0, 'streams', 'x', '$'
'blpop', 'none', 0|'select', 3|'config', 'get', 'x'|'client', 'list'|'hello'|'auth', 'x'|'reset'|'quit'
'script', 'load', 'x'|'nothing'|'get'|'object', 'encoding', 'str'|'object', 'nothing'|'type', 'l'
'echo', 1|'echo', 1.5|'echo', 1e15|'echo', 1e17|'echo', 1e19|'echo', 2^53|'echo', 0.1|'echo', -0.0|'echo', 1/3
'echo', 1/0|'echo', 0/0|'echo', 1e100|'echo', true|'echo', {}|'echo', nil|{}|""".replace("\n", "|").split("|")

RESULTS = """3.99|-3.99|1e300|0/0|1/0|true|false|nil|'x'|''|{}|{1, 2, nil, 3}|{true, false, 1}|{false}|{{}, {1, {2}}}
{a = 1}|{double = 3.5}|{double = 3}|{double = '3'}|{double = 1/0}|{double = 1e100}|{double = 0/0}|{map = {a = 1}}
{map = {}}
{map = 1}|{map = {a = {double = 1.5}}}|{set = {a = true}}|{set = {}}|{set = 1}|{big_number = '123'}|{big_number = 123}
{big_number = '1\\r\\n2'}|{verbatim_string = {format = 'txt', string = 'hi'}}|{verbatim_string = {string = 'hi'}}
{verbatim_string = {format = 'txtx', string = 'hi'}}|{verbatim_string = {format = 'tx', string = 'hi'}}
{verbatim_string = 'x'}|{ok = 'fine'}|{ok = 'a\\r\\nb'}|{ok = 1}|{err = 'MY x'}|{err = 'a\\r\\nb c'}|{err = ''}
{err = 1}|{err = 'e x', ok = 'o'}|{1, {err = 'MY x'}, 2}|{1, {ok = 'x'}, 2}|{ok = 'o', double = 1}
redis.error_reply('My x')
redis.error_reply('X')|redis.error_reply('')|redis.error_reply('-X y')|redis.error_reply(' a')|redis.error_reply(1)
redis.error_reply('a\\r\\nb')|redis.status_reply('fine')|redis.status_reply()|redis.status_reply('a\\r\\nb')
redis|function() end|coroutine.create(function() end)|cjson.null|redis.sha1hex('')|redis.sha1hex(1)|math.huge
setmetatable({}, {__index = function() return 1 end})""".replace("\n", "|").split("|")

FAILURES = """error('x')|error({err = 'MY x'})|error({})|error()|error(nil)|error(1)|error(true)|error({err = 1})
error('x', 0)|error('x', 2)|error({err = 'a\\r\\nb'})|local x = nil return x.y|return none|none()|x = 1|redis.x = 1
redis = 1|KEYS = 1|return ('x')()|return 1 + {}|return {} .. 'x'|return #nil|return {} < {}|return redis.call()
return redis.call('nothing')|return redis.call('get')|return redis.call('incr', 'l')|return redis.pcall('incr', 'l')
local ok, e = pcall(redis.call, 'incr', 'l') return e|local ok, e = pcall(redis.call, 'incr', 'l') error(e)
local e = redis.pcall('incr', 'l') error(e)|return xpcall(error, function(e) return 'h' end)|return assert(false, 'x')
return assert(false)|return assert(nil, {err = 'MY x'})|return pcall(error, {err = 'MY x'})|x x|for|return 1 1
return coroutine.wrap(function() return redis.call('nothing') end)()|return select(2, pcall(error, {a = 1}))
return {pcall(function() return 1, 2 end)}|return tonumber({})|return redis.log()|return redis.log(1)
return redis.log('a', 'b')|return redis.log(9, 'b')|return redis.setresp()|return redis.setresp(4)
return redis.set_repl()|return redis.set_repl(8)|return redis.acl_check_cmd()|return redis.acl_check_cmd({})
return redis.acl_check_cmd('nothing')|return redis.acl_check_cmd('get')|return redis.breakpoint()
return redis.debug('x')|return redis.replicate_commands()
return math.random(0)|return math.random(5, 1)|return math.random(1, 2, 3)|return string.rep()|return ('x'):bad()
return pairs()|return pairs(1)|return next(1)|return rawset(1, 2, 3)|return rawset({}, nil, 1)
return setmetatable(1, {})|return setmetatable({}, 1)|return getmetatable()|return table.insert({}, 1, 2, 3)
return table.insert(1)
return table.insert({})|return load('x')|return loadstring()|return loadstring('x x')|return tostring(nil) .. nil
#!lua|#!lua\\nreturn 1|#!js\\nx|#!lua x=y\\nx|#!lua flags=x\\nx|#!lua flags=no-writes\\nredis.call('set', 'a', 1)
#!lua flags=\\nreturn 1|#!lua 'flags=no-writes'\\nreturn 1|#!lua "x\\nreturn 1|#!lua flags=no-writes,,x\\nreturn 1"""
FAILURES = [text.replace("\\n", "\n").replace("\\r", "\r") if text.startswith("#!") else text
            for text in FAILURES.replace("\n", "|").split("|")]

LIBRARIES = """return 1|x x|none()|redis.register_function('f', function() end)|redis.register_function('f', 1)
redis.register_function('f')|redis.register_function()|redis.register_function({})|redis.register_function(1, 2, 3)
redis.register_function({function_name = 'f'})|redis.register_function({callback = function() end})
redis.register_function({function_name = 'f', callback = 1})|redis.register_function({1})
redis.register_function({[{}] = 1})
redis.register_function({function_name = 'f', callback = function() end, flags = 1})
redis.register_function({function_name = 'f', callback = function() end, flags = {'x'}})
redis.register_function({function_name = 'f', callback = function() end, flags = {1}})
redis.register_function({function_name = 'f', callback = function() end, x = 1})
redis.register_function('a-b', function() end)|redis.register_function('', function() end)
redis.register_function('f', function() end) redis.register_function('f', function() end)
redis.call('get', 'x')|redis.x = 1|x = 1|error('x')|local x = nil return x.y|redis.log(1)|redis.setresp(3)
redis.register_function('f', function() error('x') end)|redis.register_function('f', function() return none end)
redis.register_function('f', function() return redis.call('nothing') end)
redis.register_function('f', function(k, a) return {k, a, type(KEYS)} end)
redis.register_function('f', function(k, a) return {#k, #a, redis.call('echo', a[1])} end)
redis.register_function{function_name='f', flags={'no-writes'}, callback=function() return redis.call('incr', 'a') end}
redis.register_function('f', function() return redis.register_function('g', function() end) end)""".replace(
    "\n", "|").split("|")


class Theirs:
    """Whole replies of the real server, as bytes."""

    def __init__(self, port):
        self.client = peers.Client(port)

    def __call__(self, *words):
        self.client.send(encode(*words) + encode("PING", b"--mark--"))
        data = b""
        while not data.endswith(b"$8\r\n--mark--\r\n"):
            data += self.client._socket.recv(1 << 16)
        return data.removesuffix(b"$8\r\n--mark--\r\n")


@pytest.fixture(scope="module", params=[2, 3])
def both(request):
    """Our server and the real one, both with the same data, and speaking the same protocol."""
    demand("redis8")
    with peers.start("redis8") as server:
        ours, theirs = R(), Theirs(server.port)
        theirs("HELLO", request.param)
        ours("HELLO", request.param)
        for line in SETUP:
            assert ours.raw(*line.split()) == theirs(*line.split())
        yield ours.raw, theirs
        theirs.client.close()


def same(both, *words):
    ours, theirs = both
    assert ours(*words) == theirs(*words), words


@pytest.mark.parametrize("resp", ["", "redis.setresp(3) "])
def test_replies_become_the_same_values(both, resp):
    for call in CALLS:
        same(both, "EVAL", TELL + resp + f"return tell(redis.pcall({call}))", 0)


@pytest.mark.parametrize("resp", ["", "redis.setresp(3) "])
def test_replies_are_passed_on_alike(both, resp):
    for call in CALLS:
        same(both, "EVAL", resp + f"return redis.call({call})", 0)


@pytest.mark.parametrize("resp", ["", "redis.setresp(3) "])
def test_values_become_the_same_replies(both, resp):
    for value in RESULTS:
        same(both, "EVAL", resp + f"return {value}", 0)
        same(both, "EVAL", resp + f"return {{1, {value}, 2}}", 0)


def test_failures_have_the_same_texts(both):
    for script in FAILURES:
        same(both, "EVAL", script, 0)
        same(both, "EVAL_RO", script, 0)


def test_libraries_and_their_functions_answer_alike(both):
    for code in LIBRARIES:
        same(both, "FUNCTION", "LOAD", "REPLACE", f"#!lua name=lib\n{code}")
        for words in itertools.product(["FCALL", "FCALL_RO"], ["f", "F", "none"], ["0", "1", "x", "-1"], ["a"], ["b"]):
            same(both, *words)
        same(both, "FUNCTION", "LIST", "WITHCODE")
        same(both, "FUNCTION", "STATS")
    same(both, "FUNCTION", "FLUSH")


def test_their_payload_is_taken_here_and_ours_there(both):
    ours, theirs = both
    for i in range(3):
        same(both, "FUNCTION", "LOAD", f"#!lua name=lib{i}\nredis.register_function('f{i}', function() return {i} end)"
                                       + "--" + "x" * 50 * i)
    payloads = [reply.split(b"\r\n", 1)[1][:-2] for reply in (ours("FUNCTION", "DUMP"), theirs("FUNCTION", "DUMP"))]
    for payload in payloads:
        for policy in ("FLUSH", "REPLACE"):
            same(both, "FUNCTION", "RESTORE", payload, policy)
            for i in range(3):
                same(both, "FCALL", f"f{i}", 0)
    same(both, "FUNCTION", "FLUSH")
