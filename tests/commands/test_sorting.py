"""SORT and SORT_RO over every form of what they sort."""

import locale
import random

import pytest

from tests.session import Effect, R, raises_reply

MANY = 600                       # members that no compact form holds
FORMS = ["listpack list", "quicklist", "compressed", "intset", "listpack set", "hashtable", "listpack zset", "skiplist"]


def client(form):
    config = {"list-compress-depth": 1, "list-max-listpack-size": 8} if form == "compressed" else {}
    return R(**config)


def given(r, form, numbers):
    """A key `src` of this form that holds these different numbers, and some text if the form needs it."""
    numbers = list(numbers)
    if form in ("listpack list", "quicklist", "compressed"):
        r("RPUSH", "src", *numbers)
    elif form in ("intset", "listpack set", "hashtable"):
        if form == "listpack set":
            numbers.append(0.5)
        r("SADD", "src", *numbers)
    else:
        r("ZADD", "src", *(word for n in numbers for word in (random.Random(n).random(), n)))
    expected = "quicklist" if form == "compressed" else form.split()[0]
    assert r("OBJECT", "ENCODING", "src") == expected.encode()
    return sorted(numbers)


def numbers_for(form, chance):
    n = {"quicklist": 3000, "hashtable": MANY, "skiplist": MANY}.get(form, 60)
    return chance.sample(range(-100_000, 100_000), n)


def texts(numbers):
    return [b"%d" % n if isinstance(n, int) else b"%g" % n for n in numbers]


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_sorted_in_every_form(form):
    r = client(form)
    numbers = texts(given(r, form, numbers_for(form, random.Random(1))))
    assert r("SORT", "src") == r("SORT_RO", "src") == numbers
    assert r("SORT", "src", "DESC") == numbers[::-1]
    assert r("SORT", "src", "LIMIT", 5, 20) == numbers[5:25]
    assert r("SORT", "src", "ALPHA") == sorted(numbers)
    assert r("SORT", "src", "ALPHA", "DESC", "LIMIT", 0, 3) == sorted(numbers, reverse=True)[:3]
    assert r.effects == []


@pytest.mark.parametrize("form", FORMS)
def test_what_by_and_get_lead_to(form):
    r = client(form)
    chance = random.Random(2)
    numbers = given(r, form, numbers_for(form, chance))
    weights = {text: chance.randrange(10) for text in texts(numbers)}
    for text, weight in weights.items():
        r("SET", b"w_" + text, weight)
        if weight > 5:
            r("HSET", b"h_" + text + b":x", "name", b"text of " + text)
    ranked = sorted(weights, key=lambda text: (weights[text], text))
    assert r("SORT", "src", "BY", "w_*") == ranked
    assert r("SORT", "src", "BY", "w_*", "DESC", "GET", "#", "GET", "h_*:x->name", "LIMIT", 0, 40) == [
        word for text in ranked[::-1][:40]
        for word in (text, b"text of " + text if weights[text] > 5 else None)]


@pytest.mark.parametrize("form", FORMS)
def test_the_result_is_stored_as_a_list(form):
    r = client(form)
    numbers = texts(given(r, form, numbers_for(form, random.Random(3))))
    r("SET", "dst", "of another type")
    assert r("SORT", "src", "STORE", "dst") == len(numbers)
    assert r.effects == [Effect("sortstore", b"dst", len(numbers))]
    assert r("LRANGE", "dst", 0, -1) == numbers
    assert r("SORT", "src", "DESC", "STORE", "src") == len(numbers)
    assert r("LRANGE", "src", 0, -1) == numbers[::-1]


@pytest.mark.parametrize("form", ["listpack list", "quicklist", "compressed"])
def test_a_list_that_is_not_sorted_keeps_its_order(form):
    r = client(form)
    numbers = numbers_for(form, random.Random(4))
    given(r, form, numbers)
    assert r("SORT", "src", "BY", "nosort") == texts(numbers)
    assert r("SORT", "src", "BY", "nosort", "DESC", "LIMIT", 3, 5) == texts(numbers[::-1][3:8])
    assert r("SORT", "src", "BY", "nosort", "LIMIT", 3, 5, "GET", "#") == texts(numbers[3:8])


@pytest.mark.parametrize("form", ["listpack zset", "skiplist"])
def test_a_sorted_set_that_is_not_sorted_keeps_its_order(form):
    r = client(form)
    given(r, form, numbers_for(form, random.Random(5)))
    members = r("ZRANGE", "src", 0, -1)
    assert r("SORT", "src", "BY", "nosort") == members
    assert r("SORT", "src", "BY", "nosort", "DESC", "LIMIT", 3, 5) == members[::-1][3:8]
    assert r("SORT", "src", "BY", "nosort", "LIMIT", 3, 5) == members[3:8]


@pytest.mark.parametrize("form", ["intset", "listpack set", "hashtable"])
def test_a_set_is_sorted_by_text_when_its_unsorted_members_are_stored(form):
    r = client(form)
    numbers = given(r, form, numbers_for(form, random.Random(6)))
    assert sorted(r("SORT", "src", "BY", "nosort")) == sorted(texts(numbers))
    r("SORT", "src", "BY", "nosort", "STORE", "dst")
    assert r("LRANGE", "dst", 0, -1) == sorted(texts(numbers))


def test_nothing_to_store_deletes_the_destination(r):
    r("SET", "dst", "x")
    assert r("SORT", "none", "STORE", "dst") == 0
    assert r.effects == [Effect("del", b"dst", 1)]
    assert r("SORT", "none", "STORE", "dst") == 0
    assert r.effects == []
    assert r("SORT", "none") == []


def test_the_destination_may_be_what_get_leads_to(r):
    r("RPUSH", "l", 1, 2)
    r("MSET", "v_1", "x" * 3000, "v_2", "y")
    assert r("SORT", "l", "GET", "v_*", "GET", "none_*", "STORE", "v_1") == 4
    assert r("LRANGE", "v_1", 0, -1) == [b"x" * 3000, b"", b"y", b""]


@pytest.mark.parametrize("options", [[], ["LIMIT", 0, 0], ["STORE", "dst"], ["BY", "w_*"]])
def test_what_is_no_number_fails_and_changes_nothing(r, options):
    r("RPUSH", "l", "1", "no number")
    r("SET", "w_1", "nor this")
    r("SET", "dst", "as it was")
    with raises_reply("ERR One or more scores can't be converted into double"):
        r("SORT", "l", *options)
    assert r.effects == []
    assert r("GET", "dst") == b"as it was"


@pytest.mark.parametrize("options", ["STORE d", "LIMIT 1", "BY", "GET", "FOO", "ALPHA LIMIT 1 x y"])
def test_wrong_options_are_refused_before_the_key_is_looked_at(r, options):
    r("SET", "str", "x")
    with raises_reply("ERR value is not an integer" if "x y" in options else "ERR syntax error"):
        r("SORT_RO", "str", *options.split())
    with raises_reply("WRONGTYPE"):
        r("SORT", "str")


def test_equal_texts_of_by_stay_as_they_came(r):
    r("RPUSH", "l", 5, 3, 4, 1, 2)
    r("SET", "k_3", "9")
    assert r("SORT", "l", "BY", "k_*", "ALPHA") == [b"5", b"4", b"1", b"2", b"3"]
    assert r("SORT", "l", "BY", "k_*", "ALPHA", "DESC") == [b"3", b"5", b"4", b"1", b"2"]


def test_an_expired_key_that_by_meets_is_gone(r):
    r("RPUSH", "l", 1, 2)
    r("SET", "w_1", 9, "PX", 10)
    assert r("SORT", "l", "BY", "w_*") == [b"2", b"1"]
    r.advance(ms=11)
    assert r("SORT", "l", "BY", "w_*") == [b"1", b"2"]
    assert [effect.event for effect in r.effects] == ["expired"]


def test_texts_are_compared_by_the_locale_unless_they_are_stored(r):
    before = locale.setlocale(locale.LC_COLLATE)
    name = next((name for name in ("en_US.UTF-8", "C.UTF-8") if name_is_there(name)), "C")
    words = ["b", "A", "a", "B", "ab\0x", "c"]
    r("RPUSH", "l", *words)
    try:
        locale.setlocale(locale.LC_COLLATE, name)
        ordered = sorted(words, key=lambda word: locale.strxfrm(word.split("\0")[0]))
        assert r("SORT", "l", "ALPHA") == [word.encode() for word in ordered]
        r("SORT", "l", "ALPHA", "STORE", "dst")
        assert r("LRANGE", "dst", 0, -1) == sorted(word.encode() for word in words)
    finally:
        locale.setlocale(locale.LC_COLLATE, before)


def name_is_there(name):
    before = locale.setlocale(locale.LC_COLLATE)
    try:
        locale.setlocale(locale.LC_COLLATE, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_COLLATE, before)
    return True
