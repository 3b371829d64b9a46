"""The REST API as seen from the command line."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote
from urllib.parse import urlsplit

import httpx

from qbrixcli.resources.connection import Connection
from qbrixcli.resources.errors import ClientError
from qbrixcli.resources.errors import UsageError
from qbrixcli.resources.profiles import Profile
from qbrixcli.resources.profiles import ProfileFile
from qbrixcli.resources.refusal import refusal
from qbrixcli.resources.renewal import renewed

TIMEOUT_SEC = 30.0
API = ("api", "v1")
AUTH = ("api", "auth")


class Api:
    """One system, entered with the credentials of a connection.

    An access token that expired is renewed once, and the pair kept in its profile.
    Calls raise ClientError with what the server or the network had to say.

    Args:
        connection: where and as whom.
        file: where renewed tokens are kept.
    """

    def __init__(self, connection: Connection, file: ProfileFile) -> None:
        self.connection = connection
        self._file = file
        self._profile = connection.profile
        self._client = http_client(connection.url)

    async def __aenter__(self) -> Api:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def get(self, *segments: str, **query: object) -> Any:
        """What is there; query parameters that are None are left out."""
        given = {name: _query(v) for name, v in query.items() if v is not None}
        return await self._ask("GET", segments, None, given)

    async def post(self, *segments: str, body: object = None) -> Any:
        """What was made."""
        return await self._ask("POST", segments, body)

    async def put(self, *segments: str, body: object) -> Any:
        """What is there now."""
        return await self._ask("PUT", segments, body)

    async def patch(self, *segments: str, body: object) -> Any:
        """What is there now."""
        return await self._ask("PATCH", segments, body)

    async def delete(self, *segments: str) -> Any:
        """What was said about it."""
        return await self._ask("DELETE", segments)

    async def _ask(
        self,
        method: str,
        segments: tuple[str, ...],
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        url = self.connection.url + path_of(segments)
        answer = await self._send(method, url, body, query)
        if answer.status_code == 401 and self._profile.refresh_token is not None:
            await self._renew()
            answer = await self._send(method, url, body, query)
        return content(answer)

    async def _renew(self) -> None:
        name = self.connection.name
        assert name is not None
        try:
            self._profile = await renewed(self._client, self._file, name, self._profile)
        except httpx.HTTPError as error:
            raise unreachable(self.connection.url, error) from None
        except OSError as error:
            raise ClientError(
                f"cannot keep the renewed login in {self._file.path} ({error.strerror})"
            ) from None

    async def _send(
        self,
        method: str,
        url: str,
        body: object,
        query: Mapping[str, str] | None,
    ) -> httpx.Response:
        headers = credentials_of(self._profile)
        try:
            return await self._client.request(
                method, url, params=query, headers=headers, json=body
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise UsageError(f"cannot be sent: {error}") from None
        except httpx.HTTPError as error:
            raise unreachable(self.connection.url, error) from None


def http_client(url: str) -> httpx.AsyncClient:
    """A client of one address."""
    # loading certificates takes longer than a whole call
    verify = urlsplit(url).scheme == "https"
    if not is_local(url):
        return httpx.AsyncClient(timeout=TIMEOUT_SEC, verify=verify)
    # a proxy for the outside world does not know this machine
    direct = httpx.AsyncHTTPTransport(verify=verify)
    return httpx.AsyncClient(timeout=TIMEOUT_SEC, verify=verify, transport=direct)


def is_local(url: str) -> bool:
    """Whether it is an address of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def credentials_of(profile: Profile) -> dict[str, str]:
    """The header that says who asks."""
    if profile.api_key is not None:
        return {"X-API-Key": profile.api_key}
    if profile.access_token is not None:
        return {"Authorization": f"Bearer {profile.access_token}"}
    return {}


def path_of(segments: tuple[str, ...]) -> str:
    """A path whose segments may hold anything. Raises UsageError for an empty one."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise UsageError(f"{segment!r} is no id")
    return "".join(f"/{quote(segment, safe=':')}" for segment in segments)


def content(answer: httpx.Response) -> Any:
    """What a server answered, None where it said nothing. Raises ClientError."""
    if not answer.is_success:
        raise refusal(answer)
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        raise ClientError(
            f"{answer.url.copy_with(query=None)} is no qbrix: it answered no JSON"
        ) from None


def unreachable(url: str, error: httpx.HTTPError) -> ClientError:
    """Why nothing was answered."""
    if isinstance(error, httpx.TimeoutException):
        return ClientError(f"{url} did not answer within {TIMEOUT_SEC:.0f} s")
    why = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        why = _reason(error.__cause__) or why
    return ClientError(f"cannot reach {url} ({why}): does it run?")


def _reason(error: BaseException | None) -> str:
    """What the operating system said, without our client's wrapping."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return ""
        if isinstance(error, OSError) and error.errno and error.errno > 0:
            return os.strerror(error.errno).lower()
        error = error.__cause__ or error.__context__
    return ""


def _query(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
