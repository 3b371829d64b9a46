"""Requests at a fixed rate whatever becomes of them: an open-loop generator.

    python -m bench.paced < work.json

Each is due at a time of its own, and its latency counts from then, not from when there
was a connection for it or the generator came to send it. One process without a loop of
callbacks, woken by a timer of the kernel, which is as exact as epoll and Python are:
``late`` says how long after their times requests were sent. Linux only.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import socket
import sys
import time
from collections import deque
from typing import Final
from urllib.parse import urlsplit

import msgspec
from bench.load import Target
from bench.sheet import percentile

CONNECTIONS: Final = 64
PATIENCE: Final = 5.0  # seconds for the last answers
CLOCK_MONOTONIC: Final = 1
NONBLOCK: Final = os.O_NONBLOCK
SECOND: Final = 1_000_000_000
END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


class Work(msgspec.Struct, frozen=True):
    """What to send, how often, and for how long."""

    target: Target
    rate: int
    seconds: int
    connections: int = CONNECTIONS


class Paced(msgspec.Struct, frozen=True):
    """What was seen; milliseconds. ``failed`` counts errors and missing answers."""

    sent: int
    failed: int
    p50: float
    p99: float
    p999: float
    most: float
    late_p50: float
    late_p99: float


class Generator:
    """One run of some work."""

    def __init__(self, work: Work) -> None:
        self._interval = SECOND / work.rate
        self._count = work.rate * work.seconds
        address = urlsplit(work.target.url)
        assert address.hostname is not None and address.port is not None
        self._request = request(work.target, address.netloc, address.path)
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(work.connections):
            one = socket.create_connection((address.hostname, address.port))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setblocking(False)
            self._sockets[one.fileno()] = one
            self._poll.register(one.fileno(), select.EPOLLIN)
        self._idle = deque(self._sockets)
        self._due: dict[int, float] = {}
        self._parts: dict[int, bytes] = {}
        self._row: deque[float] = deque()
        self._took: list[float] = []
        self._late: list[float] = []
        self._failed = 0

    def run(self) -> Paced:
        """Send everything and wait for the answers. Raises OSError."""
        start = time.monotonic_ns() + SECOND // 10
        ticks = timer(start, int(self._interval))
        self._poll.register(ticks, select.EPOLLIN)
        try:
            self._run(start, ticks)
        finally:
            os.close(ticks)
            self._poll.close()
            for one in self._sockets.values():
                one.close()
        return self._result()

    def _run(self, start: int, ticks: int) -> None:
        scheduled = 0
        last = start + self._count * self._interval + PATIENCE * SECOND
        while self._answered < self._count and time.monotonic_ns() < last:
            for number, _ in self._poll.poll(1.0):
                if number == ticks:
                    os.read(ticks, 8)
                else:
                    self._receive(number)
            now = time.monotonic_ns()
            # as many as are due by now, however many ticks were one
            while scheduled < self._count:
                due = start + scheduled * self._interval
                if due > now:
                    break
                scheduled += 1
                self._row.append(due)
            while self._row and self._idle:
                self._send(self._idle.popleft(), self._row.popleft())

    @property
    def _answered(self) -> int:
        return len(self._took) + self._failed

    def _send(self, number: int, due: float) -> None:
        self._sockets[number].send(self._request)
        self._due[number] = due
        self._late.append(time.monotonic_ns() - due)

    def _receive(self, number: int) -> None:
        data = self._sockets[number].recv(65_536)
        if not data:
            raise ConnectionResetError("the server closed a connection")
        data = self._parts.pop(number, b"") + data
        head = data.find(END)
        if head < 0 or len(data) < head + len(END) + length(data[:head]):
            self._parts[number] = data
            return
        took = time.monotonic_ns() - self._due.pop(number)
        if data[9:11] == b"20":
            self._took.append(took)
        else:
            self._failed += 1
        self._idle.append(number)

    def _result(self) -> Paced:
        took, late = sorted(self._took), sorted(self._late)
        if not took:
            raise OSError("no answer came")
        at = [percentile(took, share) / 1e6 for share in (0.5, 0.99, 0.999, 1.0)]
        after = [percentile(late, share) / 1e6 for share in (0.5, 0.99)]
        return Paced(self._count, self._count - len(took), *at, *after)


def request(target: Target, host: str, path: str) -> bytes:
    """The bytes to send each time."""
    body = target.body.encode()
    headers = {**target.headers, "Host": host, "Content-Length": str(len(body))}
    lines = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + END + body


def length(head: bytes) -> int:
    """Bytes of the body that follows these headers."""
    _, _, rest = head.lower().partition(LENGTH)
    return int(rest.partition(b"\r")[0] or 0)


def timer(first: int, interval: int) -> int:
    """A descriptor that can be read from every so many ns from a time on."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = int(libc.timerfd_create(CLOCK_MONOTONIC, NONBLOCK))
    # struct itimerspec: the interval, then the first time
    times = (*divmod(interval, SECOND), *divmod(first, SECOND))
    spec = (ctypes.c_long * 4)(*times)
    absolute = 1
    if number < 0 or libc.timerfd_settime(number, absolute, spec, None):
        raise OSError(ctypes.get_errno(), "no timer can be had")
    return number


def main() -> None:
    """Work from standard input, what was seen to standard output."""
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Work)
    gc.disable()
    sys.stdout.buffer.write(msgspec.json.encode(Generator(work).run()))


if __name__ == "__main__":
    main()
