"""Processes that start, stop, and do not outlive their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from textwrap import dedent

import pytest

from qbrixserving.processes import port_is_free

LINUX_ONLY = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
SERVICE = """
    import asyncio
    import sys
    from qbrixserving.processes import CannotStart, run
    from qbrixserving.settings import SettingsError

    async def main(stop):
        {body}

    run(main{options})
"""
WAITS = """print("started", type(asyncio.get_running_loop()).__module__, flush=True)
        await stop.wait()
        print("stopped", flush=True)"""


def service(body: str, options: str = "", **environ: str) -> subprocess.Popen[str]:
    """A process whose main is this body."""
    code = dedent(SERVICE.format(body=body, options=options))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(number: signal.Signals) -> None:
    with service(WAITS) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started uvloop\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_a_second_signal_does_not_cut_it_short() -> None:
    body = """print("started", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print("stopped", flush=True)"""
    code = dedent(SERVICE.format(body=body, options=""))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate("\n", timeout=30)
    assert (process.returncode, out) == (0, "stopped\n")


@pytest.mark.parametrize("error", ["SettingsError", "CannotStart"])
def test_what_keeps_it_from_starting_is_one_line(error: str) -> None:
    with service(f"raise {error}('MOTOR_GRPC_PORT: taken')") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (2, "", "MOTOR_GRPC_PORT: taken\n")


def test_a_bug_shows_its_traceback() -> None:
    with service("raise KeyError('bug')") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.startswith("Traceback") and err.endswith("KeyError: 'bug'\n")


def test_it_configures_its_logs() -> None:
    body = "import logging; logging.getLogger('a').error('seen')"
    with service(body, ", 'motorsvc'", LOG_FORMAT="json") as process:
        _, err = process.communicate(timeout=30)
    assert '"service":"motorsvc"' in err
    with service(body, ", 'motorsvc'", MOTOR_LOG_LEVEL="loud") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.startswith("MOTOR_LOG_LEVEL: got 'loud', wants one of ")


PARENT = """
    import subprocess
    from qbrixserving.processes import die_with_parent
    command = {command!r}
    child = subprocess.Popen(command, preexec_fn={preexec}, stdout={fd}{user})
    child.wait()
"""
CHILD = ["/bin/sh", "-c", "printf up; exec tail -f /dev/null"]
FOLLOWER = """
import asyncio, os
from qbrixserving.processes import run

async def main(stop):
    os.write(1, b'up')
    await stop.wait()
    os.write(1, b'stopped')

run(main, follow_parent=True)
"""


def orphan(command: list[str], preexec: str, user: str = "") -> Iterator[bytes]:
    """What a child writes before and after its parent is killed, until it ends."""
    reader, writer = os.pipe()
    code = PARENT.format(command=command, preexec=preexec, fd=writer, user=user)
    with subprocess.Popen(
        [sys.executable, "-c", dedent(code)], pass_fds=[writer]
    ) as parent:
        os.close(writer)
        with open(reader, "rb", buffering=0) as pipe:
            yield pipe.read(2)
            parent.kill()
            yield pipe.read()


@LINUX_ONLY
def test_a_child_ends_when_its_parent_is_killed() -> None:
    assert list(orphan(CHILD, "die_with_parent()")) == [b"up", b""]


@LINUX_ONLY
@pytest.mark.skipif(os.getuid() != 0, reason="only root can start as another user")
def test_also_when_it_runs_as_another_user() -> None:
    preexec = "die_with_parent(9)"
    assert list(orphan(CHILD, preexec, ", user='nobody'")) == [b"up", b""]


def test_a_service_that_follows_its_parent_stops_in_order() -> None:
    assert list(orphan([sys.executable, "-c", FOLLOWER], "None")) == [b"up", b"stopped"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listening socket on loopback that would share its port."""
    with closing(socket.socket()) as taken:
        # as servers do, so that what they leave in TIME_WAIT can be passed over
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_shared_port_is_not_free(listener: socket.socket, host: str) -> None:
    assert not port_is_free(host, listener.getsockname()[1])


def test_a_port_is_free_once_nobody_listens(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        server, _ = listener.accept()
        listener.close()
        # closing first leaves the server's end in TIME_WAIT
        server.close()
        assert client.recv(1) == b""
    assert port_is_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        port_is_free("192.0.2.1", 1)
