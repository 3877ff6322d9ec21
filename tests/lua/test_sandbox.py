"""The sandbox: what is in it, what cannot be changed, and what cannot be escaped from."""

import pytest

from tests.session import R, ReplyError, raises_reply

READ_ONLY = "Attempt to modify a readonly table"


@pytest.fixture(scope="module")
def sandbox():
    return R()


def run(r, script):
    """What a script gives, an error as its text up to where it says which script it was."""
    try:
        return r("EVAL", script, 0)
    except ReplyError as error:
        return str(error).split(" script: ")[0]


def test_the_globals_are_those_of_redis(sandbox):
    found = run(sandbox, "local r = {} for k in pairs(_G) do r[#r + 1] = k end table.sort(r) "
                         "return table.concat(r, ' ')").decode().split()
    assert found == sorted(
        ["ARGV", "KEYS", "_G", "_VERSION", "assert", "bit", "cjson", "cmsgpack", "collectgarbage", "coroutine", "error",
         "gcinfo", "getmetatable", "ipairs", "load", "loadstring", "math", "next", "os", "pairs", "pcall", "rawequal",
         "rawget", "rawset", "redis", "select", "server", "setmetatable", "string", "struct", "table", "tonumber",
         "tostring", "type", "unpack", "xpcall"])


@pytest.mark.parametrize("name", ["io", "debug", "package", "require", "module", "dofile", "loadfile", "print",
                                  "newproxy", "getfenv", "setfenv"])
def test_what_reaches_out_is_not_there(sandbox, name):
    message = f"Script attempted to access nonexistent global variable '{name}'"
    assert run(sandbox, f"return {name}") == f"ERR user_script:1: {message}"
    assert run(sandbox, f"return _G.{name}") == f"ERR user_script:1: {message}"
    assert run(sandbox, f"return rawget(_G, '{name}')") is None


def test_of_os_there_is_the_clock_alone(sandbox):
    assert run(sandbox, "local r = {} for k in pairs(os) do r[#r + 1] = k end return r") == [b"clock"]


TABLES = ["_G", "redis", "server", "string", "table", "math", "os", "coroutine", "cjson", "cmsgpack", "struct", "bit"]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("change", [
    "{t}.call = 1", "{t}.fresh = 1", "local k = 'call' {t}[k] = 1", "local k = {{}} {t}[k] = 1", "{t}[1] = 1",
    "rawset({t}, 'call', 1)", "setmetatable({t}, {{}})", "setmetatable({t}, nil)", "table.insert({t}, 1)",
    "setmetatable({{}}, {{__newindex = {t}}}).call = 1", "setmetatable({{}}, {{__newindex = {t}}}).fresh = 1",
    "local t = {t} t.format = 1", "for i = 1, 2 do local a = {{{t}}} a[1].x = 1 end",
    "loadstring('local t = ... t.call = 1')({t})", "({t}).__index = 1", "({t}).__newindex = nil",
    "for k, v in pairs({t}) do {t}[k] = nil end {t}.x = 1", "local t = select(2, pairs({t})) t.call = 1",
])
def test_a_shared_table_cannot_be_changed(sandbox, name, change):
    reply = run(sandbox, change.format(t=name))
    assert isinstance(reply, str), f"{change} went through"
    assert READ_ONLY in reply
    assert run(sandbox, "return type(redis.call)") == b"function"
    assert run(sandbox, "return {string.format('%d', 1), #redis.call('echo', 'x')}") == [b"1", 1]


@pytest.mark.parametrize("change", [
    "redis = 1", "KEYS = 1", "x = 1", "function f() end", "local function g() y = 1 end g()", "_G.x = 1",
    "coroutine.wrap(function() x = 1 end)()", "loadstring('x = 1')()", "pcall(function() redis = nil end) redis = 1",
])
def test_a_global_cannot_be_set(sandbox, change):
    assert READ_ONLY in run(sandbox, change)
    assert run(sandbox, "return type(redis)") == b"table"


@pytest.mark.parametrize("change", [
    "getmetatable('').x = 1", "getmetatable('').__index = function() end", "getmetatable('').__index.upper = 1",
    "setmetatable(getmetatable(''), {})", "rawset(getmetatable(''), '__index', 1)", "(''):rep(1).x = 1",
])
def test_strings_behave_alike_for_every_script(sandbox, change):
    assert isinstance(run(sandbox, change), str)
    assert run(sandbox, "return ('x'):upper()") == b"X"


def test_tables_that_are_shared_read_as_others_do(sandbox):
    for name in TABLES[1:]:
        assert run(sandbox, f"local n = 0 for k, v in pairs({name}) do n = n + 1 end return n") > 0
        assert run(sandbox, f"return next({name}) ~= nil") == 1
        assert run(sandbox, f"return #{name}") == 0
        assert run(sandbox, f"return getmetatable({name})") is None
    assert run(sandbox, "return rawget(redis, 'call') == redis.call") == 1
    assert run(sandbox, "return _G == _G._G") == 1
    assert run(sandbox, "return getmetatable('').__index == string") == 1
    assert run(sandbox, "local n = 0 table.foreach(math, function() n = n + 1 end) return n") > 20


def test_a_script_may_do_as_it_likes_with_its_own_tables(sandbox):
    assert run(sandbox, "local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) "
                        "rawset(t, 'a', 1) t.b = 2 table.insert(t, 3) table.insert(t, 1, 4) "
                        "return {t.a, t.b, t[1], t[2], t.c, getmetatable(t) ~= nil, #t}") == \
        [1, 2, 4, 3, b"c!", 1, 2]
    assert run(sandbox, "KEYS[1] = 7 ARGV.x = 1 return KEYS") == [7]
    assert run(sandbox, "return #KEYS") == 0


@pytest.mark.parametrize("script", [
    "return loadstring(string.dump(function() return 1 end))",
    "local code = string.dump(function() return 1 end) local done = false "
    "return load(function() if not done then done = true return code end end)",
    "return load(coroutine.wrap(function() for c in string.dump(function() end):gmatch('.') do coroutine.yield(c) end "
    "end))",
])
def test_bytecode_is_not_taken(sandbox, script):
    assert run(sandbox, script) is None


def test_load_and_loadstring_take_text(sandbox):
    assert run(sandbox, "return loadstring('return 1 + ...')(2)") == 3
    assert run(sandbox, "local t, i = {'return ', '7'}, 0 return load(function() i = i + 1 return t[i] end)()") == 7
    assert run(sandbox, "return select(2, loadstring('x x'))") == b"[string \"x x\"]:1: '=' expected near 'x'"
    assert run(sandbox, "return select(2, loadstring('x x', '=mine'))") == b"mine:1: '=' expected near 'x'"
    assert run(sandbox, "local n = 0 return #load(function() n = n + 1 return n < 1000 and '--' .. n .. '\\n' "
                        "or n == 1000 and 'return (\"x\"):rep(9)' or nil end)()") == 9
    assert run(sandbox, "return select(2, load(function() error('mine', 0) end))") == b"mine"


@pytest.mark.parametrize("name", ["''", "'@' .. n", "n .. '\\0' .. n", "'\\0'"])
def test_a_chunk_may_have_any_name_while_garbage_is_collected(sandbox, name):
    assert run(sandbox, "collectgarbage('setpause', 0) collectgarbage('setstepmul', 1e6) local text = '' "
                        "for i = 1, 200 do text = text .. 'local a' .. i % 50 .. ' = \"s' .. i .. '\" ' "
                        "if i % 50 == 0 then text = text .. 'do end ' end end "
                        "local failed = 0 for n = 1, 300 do "
                        f"if loadstring(text .. 'x x', {name}) or not loadstring('return 1', {name}) then "
                        "failed = n end end "
                        "collectgarbage('setpause', 200) collectgarbage('setstepmul', 200) return failed") == 0


def test_nothing_of_one_script_is_met_by_the_next(sandbox):
    run(sandbox, "KEYS.x = 1 pcall(function() leaked = 1 end) pcall(rawset, _G, 'leaked', 1)")
    assert run(sandbox, "return {tostring(KEYS.x), tostring(rawget(_G, 'leaked'))}") == [b"nil", b"nil"]


# ---------------------------------------------------------------- exhaustion

@pytest.mark.parametrize(("script", "error"), [
    ("local function f() return 1 + f() end return f()", "stack overflow"),
    ("local function f() return pcall(f) end f() error('deep')", "deep"),
    ("local t = {} for i = 1, 1e4 do t = setmetatable({}, {__index = t}) end return t.x", "loop"),
    ("local s = 'x' while true do s = s .. s end", "not enough memory"),
    ("return unpack({}, 1, 1e8)", "too many results to unpack"),
    ("return string.format('%s', ('('):rep(1e5)):find(('('):rep(1e5))", "too many captures"),
    ("return loadstring(('('):rep(1e5))()", "attempt to call a nil value"),
    ("coroutine.wrap(function() error('inside') end)()", "inside"),
    ("local co co = coroutine.wrap(function() co() end) co()", "running"),
])
def test_what_takes_too_much_is_an_error(sandbox, script, error):
    reply = run(sandbox, script)
    assert isinstance(reply, str)
    assert error in reply
    assert sandbox("PING") == "PONG"


def test_errors_of_every_kind_leave_nothing_behind(sandbox):
    for script in ("redis.call('set', 'k', {})", "redis.call('get', 'k', 'k')", "redis.call('nothing')", "error({})"):
        for _ in range(300):
            run(sandbox, script)
    assert run(sandbox, "return redis.call('echo', 'fine')") == b"fine"


def test_a_script_cannot_be_made_to_change_its_trust():
    r = R()
    with raises_reply("ERR user_script:1: " + READ_ONLY):
        r("EVAL", "local name = ARGV[1] redis[name] = ARGV[2]", 0, "call", "x")
    assert r("EVAL", "return redis.call('echo', 'x')", 0) == b"x"


@pytest.mark.parametrize("words", ["-2, 2147483647", "0, 2147483647", "-2147483648, 2147483647", "1, 2147483647",
                                   "-2147483647, 2", "1, 8000", "2^31, 2^31 - 1"])
def test_unpack_refuses_what_the_stack_has_no_room_for(sandbox, words):
    assert run(sandbox, f"return {{unpack({{1, 2}}, {words})}}") == "ERR user_script:1: too many results to unpack"


@pytest.mark.parametrize(("words", "result"), [
    ("", [1, 2, 3]), (", 2", [2, 3]), (", 2, 3", [2, 3]), (", nil, 2", [1, 2]), (", 3, 2", []), (", '2', 2", [2]),
    (", 2147483647, 2147483647", [])])
def test_unpack_gives_the_values_of_a_range(sandbox, words, result):
    assert run(sandbox, f"return {{unpack({{1, 2, 3}}{words})}}") == result


def test_unpack_has_room_for_thousands(sandbox):
    assert run(sandbox, "return select('#', unpack({}, 1, 7000))") == 7000
    assert "bad argument #1 to 'unpack' (table expected, got number)" in run(sandbox, "return unpack(1)")


@pytest.mark.parametrize("call", ["s:find(p)", "s:match(p)", "s:gsub(p, '')", "s:gmatch(p)()", "string.find(s, p, 1)"])
@pytest.mark.parametrize("item", ["a?", "a*", ".-", "[a]+"])
def test_a_pattern_cannot_run_past_the_end_of_the_stack(sandbox, call, item):
    script = f"local s, p = ('a'):rep(300000), ('{item}'):rep(%d) .. 'b' return {call}"
    assert run(sandbox, script % 300_000) == "ERR user_script:1: pattern too complex"


@pytest.mark.parametrize("item", ["a?", "a*", ".-"])
def test_a_pattern_of_thousands_of_items_is_matched(sandbox, item):
    assert run(sandbox, f"return #('a'):rep(5000):match(('{item}'):rep(5000))") in (0, 5000)


def test_long_patterns_of_plain_bytes_are_as_good_as_short_ones(sandbox):
    script = "local s = ('ab'):rep(100000) return {(s:find(s)), s:find('b' .. s), s:find('%a%a', 7)}"
    assert run(sandbox, script) == [1]
    assert run(sandbox, "return {('aabb'):find('%a%a', 2)}") == [2, 3]
    assert "bad argument #2 to 'find' (string expected, got no value)" in run(sandbox, "return string.find('a')")
    assert run(sandbox, "return {('a1b22'):gsub('%d+', 'x')}") == [b"axbx", 2]
