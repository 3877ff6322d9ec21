"""Requests with a few bytes changed: what fuzzing feeds to a parser or a server."""

from hypothesis import strategies as st

from tests.session import encode

# Commands that are harmless on any server and whose answers do not depend on it.
WORDS = st.sampled_from([b"PING", b"ECHO", b"echo", b"a", b"", b"a b", b'"', b"'x'", b"\r\n",
                         b"$1", b"*1", b"k"])
REQUEST = st.one_of(
    st.lists(WORDS, min_size=1, max_size=4).map(lambda words: encode(*words)),
    st.sampled_from([b"PING\r\n", b"ECHO a\n", b'ECHO "a\\x41b"\r\n', b"ECHO 'a\\'b'\r\n", b"\r\n", b"*0\r\n",
                     b'PING "\r\n', b"  PING  \r\n", b"ECHO \t a\r\n"]))
BYTES = st.sampled_from([*b"\r\n*$:+-0123456789 \"'\\xaPG"])


@st.composite
def mutated(draw, most=8):
    """Some requests in a row, some of their bytes replaced, inserted, or removed."""
    data = bytearray(b"".join(draw(st.lists(REQUEST, min_size=1, max_size=6))))
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, len(data)))
        what = draw(st.sampled_from("ridx"))
        if what == "i":
            data.insert(at, draw(BYTES))
        elif at < len(data):
            if what == "r":
                data[at] = draw(BYTES)
            elif what == "d":
                del data[at]
            else:
                data[at] = draw(st.integers(1, 255))
    return bytes(data)
