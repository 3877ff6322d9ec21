"""MODULE: there are none, and who may try is configured."""

import pytest

from tests.session import R, raises_reply

DENIED = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\""
LOADING = [("LOAD", "/x.so"), ("LOADEX", "/x.so", "CONFIG", "a", "b"), ("UNLOAD", "x")]


@pytest.mark.parametrize("words", LOADING)
def test_loading_is_refused_unless_configured(r, words):
    with raises_reply(DENIED):
        r("MODULE", *words)


@pytest.mark.parametrize("allowed", ["yes", "local"])
def test_where_it_is_allowed_it_fails_and_says_so(allowed):
    r = R(enable_module_command=allowed)
    for words in LOADING[:2]:
        with raises_reply("ERR Error loading the extension. Please check the server logs."):
            r("MODULE", *words)
    with raises_reply("ERR Error unloading module: no such module with that name"):
        r("MODULE", "UNLOAD", "x")


def test_the_list_is_empty_and_help_explains(r):
    assert r("MODULE", "LIST") == []
    assert r("MODULE", "HELP")[0] == "MODULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
