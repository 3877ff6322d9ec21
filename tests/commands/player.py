"""Scenes: what several connections are sent, because of their own commands or of those of others.

A scene is steps between bars and on lines. "who: command" is a command and its reply, "who?" asks for what a connection
has got meanwhile; $who in a command is the id of another connection.
"""

import shlex

from tests.network.line import connect
from tests.session import encode


class Player:
    """The connections of one scene on one server. Ids differ between servers, and are written as their owners'."""

    def __init__(self, server):
        self.server = server
        self.lines = {}
        self.ids = {}

    def line(self, who):
        if who not in self.lines:
            self.lines[who] = connect(self.server)
            self.lines[who].send(encode("CLIENT", "ID"))
            self.ids[who] = self.lines[who].receive_bytes().strip(b":\r\n")
        return self.lines[who]

    def named(self, reply):
        for who, number in self.ids.items():
            reply = reply.replace(b":%b\r\n" % number, b":$%b\r\n" % who.encode())
        return reply

    def ask(self, who, command):
        words = shlex.split(command)
        for i, word in enumerate(words):
            if word.startswith("$"):
                self.line(word[1:])
                words[i] = self.ids[word[1:]].decode()
        line = self.line(who)
        line.send(encode(*words))
        return self.named(line.receive_bytes())

    def got(self, who):
        """What it was sent unasked, up to the answer of a PING."""
        line = self.line(who)
        line.send(encode("PING", "the-end"))
        found = b""
        while b"the-end" not in found:
            found += line.receive_bytes()
        return self.named(found)

    def flow(self, who, *commands):
        """What it is sent after these commands, which go out together: replies, and what is told between them."""
        self.line(who).send(b"".join(encode(*shlex.split(command)) for command in commands))
        return self.got(who)

    def close(self):
        for line in self.lines.values():
            line.close()

    def play(self, scene):
        said = []
        for step in (part.strip() for text in scene.strip().splitlines() for part in text.split(" | ")):
            who, _, command = step.partition(":")
            reply = self.got(step[0]) if step.endswith("?") else self.ask(who, command)
            said.append((step, reply if "HELLO" not in step else b""))     # it names versions and modules
        self.close()
        return said
