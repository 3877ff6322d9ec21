"""order_testing -- sorting as a Python function, for tests only."""
from libc.stdlib cimport free, malloc

from _pyredis.base.mem cimport Arena, arena_free, arena_new
from _pyredis.ds.element cimport Element, element_int, element_text
from _pyredis.ds.order cimport Ranked, order_key_of_score, order_missing, order_scores, order_texts


cdef Element _element(object x):
    """bytes, an int, or None for a missing text."""
    if x is None:
        return order_missing()
    if isinstance(x, bytes):
        return element_text(<bytes>x, len(<bytes>x))
    return element_int(x)


def ordered(list elements, list scores, size_t start, size_t end, int flags):
    """The indexes at ranks start .. end - 1, by scores and then text, or (scores None) by text."""
    cdef size_t n = len(elements), i
    cdef Arena* mem = arena_new()
    cdef Element* texts = <Element*>malloc(n * sizeof(Element) + 1)
    cdef Ranked* items = <Ranked*>malloc(n * sizeof(Ranked) + 1)
    for i in range(n):
        texts[i] = _element(elements[i])
        items[i].index = i
        if scores is not None:
            items[i].key = order_key_of_score(scores[i], flags)
    if scores is not None:
        order_scores(mem, items, n, start, end, texts, flags)
    else:
        order_texts(mem, items, n, start, end, texts, flags)
    everyone = sorted(items[i].index for i in range(n))
    found = [items[i].index for i in range(start, end)]
    free(items)
    free(texts)
    leaked = mem.used
    arena_free(mem)
    assert everyone == list(range(n)) and leaked == 0
    return found
