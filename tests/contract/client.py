"""The published client as a test sees it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from typing import NamedTuple

from tests.published import published_python

DRIVER = Path(__file__).with_name("driver.py")


class Record(dict[str, Any]):
    """An answer of the client, its fields as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Failed(Exception):
    """The client raised; ``kinds`` are the names of its error and of its bases."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(f"{said['kinds'][0]}: {said['text']}")
        self.kinds: list[str] = said["kinds"]
        self.text: str = said["text"]
        self.status: int | None = said["status_code"]
        self.detail: str | None = said["detail"]
        self.context: dict[str, Any] | None = said["context"]
        self.retry_after: float | None = said["retry_after"]

    @property
    def kind(self) -> str:
        return self.kinds[0]


class Driver:
    """A process that has the client installed, and any number of clients in it."""

    def __init__(self, **environ: str) -> None:
        self._process = subprocess.Popen(
            [str(published_python()), "-W", "error", str(DRIVER)],
            env={"PATH": "/usr/bin:/bin", **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._names = count()

    def client(self, wire: Wire, base_url: str, **options: Any) -> Client:
        """A client of the kind that the wire says."""
        name = next(self._names)
        self.ask(
            do="make",
            client=name,
            asynchronous=wire.asynchronous,
            options={"transport": wire.transport, "base_url": base_url, **options},
        )
        return Client(self, name, wire)

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the driver ended"
        said = json.loads(line, object_hook=Record)
        if "error" in said:
            raise Failed(said["error"])
        return said["value"]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Wire(NamedTuple):
    """How a client speaks."""

    transport: str
    asynchronous: bool

    @property
    def name(self) -> str:
        return f"{self.transport} {'async' if self.asynchronous else 'sync'}"


HTTP = [Wire("http", False), Wire("http", True)]
GRPC = [Wire("grpc", False), Wire("grpc", True)]


class Client:
    """One client: ``client.pool.create("p", [...])`` runs over there."""

    def __init__(self, driver: Driver, name: int, wire: Wire) -> None:
        self._driver = driver
        self._name = name
        self.wire = wire

    @property
    def is_grpc(self) -> bool:
        return self.wire.transport == "grpc"

    def __getattr__(self, resource: str) -> Resource:
        return Resource(self, resource)

    def call(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """Raises Failed when the client raises."""
        return self._ask("call", [(path, args, kwargs)])

    def many(self, path: str, calls: list[tuple[list[Any], dict[str, Any]]]) -> Any:
        """All at once; a list of records with ``value`` or ``error``."""
        return self._ask("many", [(path, *call) for call in calls])

    def _ask(self, do: str, calls: list[Any]) -> Any:
        return self._driver.ask(do=do, client=self._name, calls=calls)


class Resource:
    """``client.pool`` and its like."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._client.call(f"{self._name}.{method}", *args, **kwargs)

        return call


def model(kind: str, /, **fields: Any) -> dict[str, Any]:
    """One of the client's own models as an argument."""
    return {"$model": kind, **fields}


@contextmanager
def refused(kind: str, status: int | None) -> Iterator[list[Failed]]:
    """The block must end in exactly this error; it is put into the list."""
    caught: list[Failed] = []
    try:
        yield caught
    except Failed as error:
        assert error.kind == kind, error
        assert error.status == status, error
        caught.append(error)
    else:
        raise AssertionError(f"no {kind}")
