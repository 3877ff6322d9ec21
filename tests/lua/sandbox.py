"""sandbox -- the same Lua here and in a real server.

`ask(run, expressions)` gives the outcome of each as a line of text: what it returned, or the error, with what is not
ASCII as \\ddd, numbers in full, and long strings as their length and a sum. Cases stand in cases/<library>.txt as pairs
of lines, `> expression` and `= outcome`; the outcomes are Redis 8.0.6's, and the tests hold both sides against them.
"""

import importlib.util
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from _pyredis.lua.libs_testing import State

Run = Callable[[bytes], bytes]

PRELUDE = r"""
local function show(v, level)
  if type(v) == 'string' then
    if #v > 300 then
      local sum = 0
      for i = 1, #v do sum = (sum * 31 + v:byte(i)) % 1000000007 end
      return string.format('<%d bytes, %d>', #v, sum)
    end
    return '"' .. v:gsub('^user_script:%d+: ', '@ '):gsub('[^ -~]', function(c)
      return string.format('\\%03d', c:byte()) end) .. '"'
  elseif type(v) == 'number' then
    return v ~= v and 'nan' or string.format('%.17g', v)
  elseif type(v) ~= 'table' then
    return type(v) == 'userdata' and 'null' or tostring(v)
  elseif level > 12 then
    return '<deep>'
  end
  local parts = {}
  for k, x in pairs(v) do parts[#parts + 1] = '[' .. show(k, level + 1) .. ']=' .. show(x, level + 1) end
  table.sort(parts)
  return '{' .. table.concat(parts, ',') .. '}'
end
local function lines(ok, ...)
  local t = {ok and 'ok' or 'error'}
  for i = 1, select('#', ...) do
    if i > 30 then t[32] = '... ' .. select('#', ...) break end
    t[i + 1] = show((select(i, ...)), 0)
  end
  return table.concat(t, ' ')
end
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
local function raw(h) return (h:gsub('%s', ''):gsub('..', function(x) return string.char(tonumber(x, 16)) end)) end
local function P(...) return hex(cmsgpack.pack(...)) end
local function U(h, ...) return cmsgpack.unpack(raw(h), ...) end
local function SP(...) return hex(struct.pack(...)) end
local function SU(f, h, ...) return struct.unpack(f, raw(h), ...) end
local out = {}
"""


def library() -> str:
    """The shared object that Lua 5.1 is in."""
    found = importlib.util.find_spec("lupa.lua51")
    assert found and found.origin
    return found.origin


def state() -> State:
    return State(library())


def body(expression: str) -> str:
    return expression if "return " in expression else "return " + expression


def ask(run: Run, expressions: Iterable[str], at_once: int = 40) -> list[str]:
    """The outcomes, of so many expressions in a script."""
    todo, outcomes = list(expressions), []
    for start in range(0, len(todo), at_once):
        asked = todo[start:start + at_once]
        calls = "\n".join(f"out[#out+1] = lines(pcall(function() {body(one)} end))" for one in asked)
        answer = run((PRELUDE + calls + "\nreturn table.concat(out, '\\n')").encode("latin-1"))
        outcomes += answer.decode("latin-1").split("\n")
    assert len(outcomes) == len(todo)
    return outcomes


def differences(expressions: list[str], ours: list[str], theirs: list[str]) -> list[str]:
    return [f"{e[:300]}\n    here   {a[:600]}\n    there  {b[:600]}"
            for e, a, b in zip(expressions, ours, theirs, strict=True) if a != b]


def cases(name: str) -> list[tuple[str, str]]:
    """The table of a library: expression, outcome."""
    text = (Path(__file__).parent / "cases" / f"{name}.txt").read_text().splitlines()
    kept = [line for line in text if line and not line.startswith("#")]
    expressions = [line[2:] for line in kept if line.startswith("> ")]
    outcomes = [line[2:] for line in kept if line.startswith("= ")]
    assert len(kept) == 2 * len(expressions)
    return list(zip(expressions, outcomes, strict=True))


# Random values, as Lua text

def literal(data: bytes) -> str:
    """A string of Lua with these bytes."""
    return '"' + "".join(f"\\{c:03d}" if c < 32 or c > 126 or c in b'"\\' else chr(c) for c in data) + '"'


def number(rnd: random.Random) -> str:
    shape = rnd.randrange(7)
    if shape == 0:
        return str(rnd.randint(-300, 300))
    if shape == 1:
        return str(rnd.choice([-1, 1]) * (2 ** rnd.randint(0, 64) + rnd.randint(-2, 2)))
    if shape == 2:
        return repr(rnd.uniform(-1e6, 1e6))
    if shape == 3:
        return f"{rnd.random():.17f}e{rnd.randint(-310, 300)}"
    if shape == 4:
        return rnd.choice(["0", "-0", "0.5", "1e15", "99999999999999", "100000000000000", "-1e14", "2^53", "-2^63"])
    if shape == 5:
        return str(rnd.randint(-2**40, 2**40) / 2 ** rnd.randint(0, 12))
    return str(rnd.randint(-10**15, 10**15))


def text(rnd: random.Random) -> bytes:
    n = rnd.choice([0, 1, 3, 8, 31, 32, 40, 255, 256, 300]) if rnd.random() < 0.2 else rnd.randrange(12)
    return rnd.randbytes(n) if rnd.random() < 0.3 else bytes(rnd.choices(b'ab"\\/\n\t\x00\x7f z\xc3\xa9', k=n))


def key(rnd: random.Random) -> str:
    """At most 31 bytes: longer strings have other hashes in Redis's Lua, and come in another order."""
    return literal(text(rnd)[:31])


def value(rnd: random.Random, level: int = 0) -> str:
    """Any value that both encoders write in a fixed order: keys are numbers and short strings only."""
    kind = rnd.randrange(9 if level < 4 else 5)
    if kind < 2:
        return number(rnd)
    if kind < 4:
        return literal(text(rnd))
    if kind == 4:
        return rnd.choice(["true", "false", "nil", "cjson.null"])
    n = rnd.choice([0, 1, 2, 3, 5, 17]) if level < 2 else rnd.randrange(4)
    if kind < 7:
        return "{" + ",".join(value(rnd, level + 1) for _ in range(n)) + "}"
    if kind == 7:
        return "{" + ",".join(f"[{key(rnd)}]={value(rnd, level + 1)}" for _ in range(n)) + "}"
    return "{" + ",".join(f"[{rnd.choice([rnd.randint(-2, 9), rnd.randint(1, 40), 1.5])}]={value(rnd, level + 1)}"
                          for _ in range(n)) + "}"


def mutated(rnd: random.Random, data: bytes, alphabet: bytes = b"") -> bytes:
    """The bytes, damaged in one place or a few."""
    out = bytearray(data)
    for _ in range(rnd.choice([1, 1, 2, 5])):
        at = rnd.randint(0, len(out))
        one = rnd.choice(alphabet) if alphabet and rnd.random() < 0.7 else rnd.randrange(256)
        action = rnd.randrange(5)
        if action == 0:
            out[at:at + 1] = bytes([one])
        elif action == 1:
            out[at:at] = bytes([one])
        elif action == 2:
            del out[at:at + rnd.choice([1, 1, 4])]
        elif action == 3:
            del out[at:]
        else:
            out[at:at] = out[at:at + rnd.randint(1, 6)]
    return bytes(out)
