"""loop: waiting for descriptors and for time, and nothing else.

One thread, one poller. What is ready goes as a whole list to the core (`serve`), which does the connections;
what the core does not know (listeners, the wake-up pipe) comes back and has a callback here. Timers are
callbacks on a heap. Before each wait the core gets a moment of its own and says how long it can wait.

The poller is epoll where there is one, else what `selectors` finds (kqueue, poll, select). Epoll is waited on
by the core itself (Core.poll), which comes back only when Python is needed, and edge-triggered for connections:
the core knows from a short read that a socket is empty, so the kernel need not look again.
The others give a list of (fd, events) with epoll's bits: 1 readable (or over), 4 writable.
"""

import heapq
import os
import select
import selectors
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

READABLE = 1
WRITABLE = 4
WATCH_WRITE, UNWATCH_WRITE, CLOSED, LEFT = 1, 2, 3, 4        # notices of Core.serve
LONGEST_WAIT = 1000                                  # milliseconds without a timer


class Poller(Protocol):
    def add(self, fd: int) -> None: ...
    def add_connection(self, fd: int) -> None: ...
    def want_write(self, fd: int, wanted: bool) -> None: ...
    def only_write(self, fd: int) -> None: ...
    def also_write(self, fd: int, wanted: bool) -> None: ...
    def remove(self, fd: int) -> None: ...
    def poll(self, milliseconds: int) -> list[tuple[int, int]]: ...


class EpollPoller:
    """Linux."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._edges = READABLE | select.EPOLLRDHUP | select.EPOLLET

    def fileno(self) -> int:
        return self._epoll.fileno()

    def add(self, fd: int) -> None:
        self._epoll.register(fd, READABLE)

    def add_connection(self, fd: int) -> None:
        self._epoll.register(fd, self._edges)

    def want_write(self, fd: int, wanted: bool) -> None:
        self._epoll.modify(fd, self._edges | WRITABLE if wanted else self._edges)

    def only_write(self, fd: int) -> None:
        self._epoll.modify(fd, WRITABLE)

    def also_write(self, fd: int, wanted: bool) -> None:
        self._epoll.modify(fd, READABLE | WRITABLE if wanted else READABLE)

    def remove(self, fd: int) -> None:
        self._epoll.unregister(fd)

    def poll(self, milliseconds: int) -> list[tuple[int, int]]:
        return self._epoll.poll(milliseconds / 1000)


class SelectorPoller:
    """Everywhere else: kqueue, poll or select, as `selectors` finds best."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, fd: int) -> None:
        self._selector.register(fd, selectors.EVENT_READ)

    add_connection = add

    def want_write(self, fd: int, wanted: bool) -> None:
        self._selector.modify(fd, selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0))

    def only_write(self, fd: int) -> None:
        self._selector.modify(fd, selectors.EVENT_WRITE)

    also_write = want_write

    def remove(self, fd: int) -> None:
        self._selector.unregister(fd)

    def poll(self, milliseconds: int) -> list[tuple[int, int]]:
        return [(key.fd, (READABLE if events & selectors.EVENT_READ else 0)
                 | (WRITABLE if events & selectors.EVENT_WRITE else 0))
                for key, events in self._selector.select(milliseconds / 1000)]


def best_poller() -> Poller:
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()


def _raise(error: BaseException) -> None:
    raise error


class Loop:
    """Runs until stop(). `core` is the compiled core, or anything with serve and before_sleep.

    `on_error` is told of what a callback raises; the loop goes on. `on_turn` is called when the callbacks of all that
    were ready together have run; with True, if that was from within a command that takes long. `on_left` is told of
    the descriptors of relayed connections that the core has let go.
    """

    def __init__(self, core: Any, poller: Poller | None = None) -> None:
        self.core = core
        self.on_error: Callable[[BaseException], None] = _raise
        self.on_turn: Callable[[bool], None] = lambda meanwhile: None
        self.on_left: Callable[[int], None] = lambda fd: None
        self.poller = poller or best_poller()
        self.api = "epoll" if isinstance(self.poller, EpollPoller) else "selectors"
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, float, Callable[[], float | None]]] = []
        self._timer_count = 0
        self._running = False
        self._signals: dict[int, Callable[[], None]] = {}
        self._pending: list[int] = []

    # ---- what to wait for

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Calls back when fd is readable."""
        self._callbacks[fd] = callback
        self.poller.add(fd)

    def watch_write(self, fd: int) -> None:
        """From now on calls back when fd, which is watched, is writable."""
        self.poller.only_write(fd)

    def want_write(self, fd: int, wanted: bool) -> None:
        """From now on calls back when fd, which is watched, is readable or, if so wanted, writable."""
        self.poller.also_write(fd, wanted)

    def call_instead(self, fd: int, callback: Callable[[], None]) -> None:
        """From now on calls back another one for fd, which is watched."""
        self._callbacks[fd] = callback

    def unwatch(self, fd: int) -> None:
        del self._callbacks[fd]
        self.poller.remove(fd)

    def add_connection(self, fd: int) -> None:
        self.poller.add_connection(fd)

    def every(self, seconds: float, callback: Callable[[], float | None]) -> None:
        """Calls back after so many seconds, and again after as many as it returns, until it returns None."""
        self._timer_count += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._timer_count, seconds, callback))

    def on_signal(self, number: int, callback: Callable[[], None]) -> None:
        """Calls back from the loop, not from within whatever the signal interrupts."""
        if not self._signals:
            self._open_wake_up()
        self._signals[number] = callback
        signal.signal(number, lambda number, frame: self._pending.append(number))

    def is_pending(self, number: int) -> bool:
        """Has this signal come, and its callback not been called yet?"""
        return number in self._pending

    def _open_wake_up(self) -> None:
        # A signal writes a byte here, so the poller returns at once.
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake_out.fileno(), warn_on_full_buffer=False)
        self.watch(self._wake_in.fileno(), self._woken)

    def _woken(self) -> None:
        try:
            self._wake_in.recv(4096)
        except BlockingIOError:
            pass
        while self._pending:
            self._signals[self._pending.pop(0)]()

    # ---- running

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        poll = self._poll()
        self._running = True
        while self._running:
            extra = poll()
            if extra is not None:
                self._carry_out(*extra)
            if self._timers and self._timers[0][0] <= time.monotonic():
                self._run_timers()

    def _poll(self) -> Callable[[], tuple[Any, Any] | None]:
        """The function that waits for a timer at most, and serves what is ready."""
        core, poller = self.core, self.poller
        if isinstance(poller, EpollPoller):
            epoll = poller.fileno()
            return lambda: core.poll(epoll, self._until_timer(LONGEST_WAIT))
        return lambda: core.serve(poller.poll(self._until_timer(core.before_sleep())))

    def serve_others(self) -> None:
        """A moment for everybody else, from within a command that takes long, or the loading at the start."""
        foreign = self.core.serve_others(self.poller.poll(0))
        self._carry_out(foreign, self.core.sweep(), meanwhile=True)

    def _until_timer(self, wait: int) -> int:
        if not self._timers:
            return wait
        return max(0, min(wait, int((self._timers[0][0] - time.monotonic()) * 1000) + 1))

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, seconds, callback = heapq.heappop(self._timers)
            try:
                again = callback()
            except Exception as error:
                again = seconds
                self.on_error(error)
            if again is not None:
                self.every(again, callback)

    def _carry_out(self, foreign: list[tuple[int, int]], notices: list[tuple[int, int]],
                   meanwhile: bool = False) -> None:
        for fd, what in notices:
            if what == CLOSED:
                self.poller.remove(fd)
                os.close(fd)
            elif what == LEFT:
                self.on_left(fd)
            else:
                self.poller.want_write(fd, what == WATCH_WRITE)
        for fd, _ in foreign:
            if fd in self._callbacks:
                try:
                    self._callbacks[fd]()
                except Exception as error:
                    self.on_error(error)
        if foreign:
            try:
                self.on_turn(meanwhile)
            except Exception as error:
                self.on_error(error)
