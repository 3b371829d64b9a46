"""Runs the published client for a test: a request a line in, an answer a line out.

Started by the interpreter of the client's own environment; imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pydantic
import qbrix

LOOP = asyncio.new_event_loop()
CLIENTS: dict[int, Blocking | Async] = {}

Call = tuple[str, list[Any], dict[str, Any]]


def plain(value: Any) -> Any:
    """As JSON can carry it; a model says which it is."""
    if isinstance(value, pydantic.BaseModel):
        fields = {
            name: plain(getattr(value, name)) for name in type(value).model_fields
        }
        fields["model"] = type(value).__name__.partition("[")[0]
        if isinstance(value, qbrix.PaginatedResponse):
            fields["has_more"] = value.has_more
        return fields
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def given(value: Any) -> Any:
    """Arguments, with models where a test asked for one."""
    if isinstance(value, list):
        return [given(inner) for inner in value]
    if isinstance(value, dict):
        fields = {key: given(inner) for key, inner in value.items()}
        model = fields.pop("$model", None)
        return getattr(qbrix.model, model)(**fields) if model else fields
    return value


def failure(error: Exception) -> dict[str, Any]:
    names = ("status_code", "detail", "context", "retry_after")
    said = {name: getattr(error, name, None) for name in names}
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"kinds": kinds, "text": str(error), **said}


class Blocking:
    """The synchronous client."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._client = qbrix.Qbrix(**options)

    def close(self) -> None:
        self._client.close()

    def call(self, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        resource, _, method = path.rpartition(".")
        target = getattr(self._client, resource) if resource else self._client
        found = getattr(target, method)(*args, **kwargs)
        return list(found) if method == "iter_all" else found

    def many(self, calls: list[Call]) -> list[dict[str, Any]]:
        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(lambda call: answered(self.call, *call), calls))


class Async:
    """The asynchronous client, on a loop that lives as long as this process."""

    def __init__(self, options: dict[str, Any]) -> None:
        async def make() -> qbrix.AsyncQbrix:
            return qbrix.AsyncQbrix(**options)

        # a channel belongs to the loop on which it was made
        self._client = LOOP.run_until_complete(make())

    def close(self) -> None:
        LOOP.run_until_complete(self._client.close())

    def call(self, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return LOOP.run_until_complete(self._call(path, args, kwargs))

    def many(self, calls: list[Call]) -> list[dict[str, Any]]:
        async def run() -> list[dict[str, Any]]:
            found = await asyncio.gather(
                *(self._call(*call) for call in calls), return_exceptions=True
            )
            return [
                {"error": failure(one)}
                if isinstance(one, Exception)
                else {"value": plain(one)}
                for one in found
            ]

        return LOOP.run_until_complete(run())

    async def _call(self, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        resource, _, method = path.rpartition(".")
        target = getattr(self._client, resource) if resource else self._client
        if method == "iter_all":
            return [item async for item in target.aiter_all(*args, **kwargs)]
        return await getattr(target, method)(*args, **kwargs)


def answered(call: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    try:
        return {"value": plain(call(*arguments))}
    except Exception as error:
        return {"error": failure(error)}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    name = request["client"]
    if request["do"] == "make":
        kind = Async if request["asynchronous"] else Blocking
        CLIENTS[name] = kind(request["options"])
        return {"value": None}
    client = CLIENTS[name]
    calls = [
        (path, given(args), given(kwargs)) for path, args, kwargs in request["calls"]
    ]
    if request["do"] == "many":
        return {"value": client.many(calls)}
    return answered(client.call, *calls[0])


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
    for client in CLIENTS.values():
        client.close()


if __name__ == "__main__":
    main()
