"""The stores of a system: embedded ones, or servers named by the environment."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from qbrixcli.datadir import DataDirectory
from qbrixcli.datadir import write_private
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.ports import free_ports
from qbrixcli.embedded.postgres import Postgres
from qbrixcli.embedded.server import Server
from qbrixcli.embedded.valkey import Valkey
from qbrixcli.keyring import Keyring
from qbrixcli.together import together

REDIS_USERS = ("PROXY_REDIS", "MOTOR_REDIS", "CORTEX_REDIS")
POSTGRES_USERS = ("PROXY_POSTGRES", "CORTEX_POSTGRES")
# what the services listen on unless they are told otherwise
SERVICE_PORTS = (8_080, 50_050, 50_051, 50_052)


class Stores:
    """The embedded servers that a system needs, none where the environment names some.

    Raises StartError when only some of the variables of a store are set.
    """

    def __init__(
        self, data: DataDirectory, keyring: Keyring, environ: Mapping[str, str]
    ) -> None:
        self._data = data
        self.valkey: Valkey | None = None
        self.postgres: Postgres | None = None
        ports = free_ports(2, avoid=_spoken_for(environ))
        if not named(environ, REDIS_USERS):
            self.valkey = Valkey(data.valkey, ports[0], keyring.valkey_password)
        if not named(environ, POSTGRES_USERS):
            self.postgres = Postgres(data.postgres, ports[1], keyring.postgres_password)

    @property
    def servers(self) -> list[Server]:
        """The embedded ones."""
        return [one for one in (self.valkey, self.postgres) if one is not None]

    def variables(self) -> dict[str, str]:
        """What the services need in their environment to reach the embedded ones."""
        return dict(self._variables())

    def _variables(self) -> Iterator[tuple[str, str]]:
        if self.valkey is not None:
            for user in REDIS_USERS:
                yield f"{user}_HOST", self.valkey.settings.host
                yield f"{user}_PORT", str(self.valkey.settings.port)
                yield f"{user}_PASSWORD", self.valkey.settings.password
        if self.postgres is not None:
            for user in POSTGRES_USERS:
                yield f"{user}_HOST", self.postgres.settings.host
                yield f"{user}_PORT", str(self.postgres.settings.port)
                yield f"{user}_USER", self.postgres.settings.user
                yield f"{user}_PASSWORD", self.postgres.settings.password
                yield f"{user}_DATABASE", self.postgres.settings.database
                yield f"{user}_SSLMODE", self.postgres.settings.sslmode

    def publish(self) -> str:
        """Leave the variables in the data directory, for commands beside us."""
        text = "".join(f"{k}={v}\n" for k, v in self.variables().items())
        write_private(self._data.stores, text)
        return text

    def withdraw(self) -> None:
        """Take the variables away again."""
        self._data.stores.unlink(missing_ok=True)

    async def start(self) -> None:
        """Start all embedded servers. Raises StartError."""
        await together(*(server.start() for server in self.servers))


def named(environ: Mapping[str, str], users: Sequence[str]) -> bool:
    """Whether the environment names the servers. Raises StartError if only some."""
    hosts = [f"{user}_HOST" for user in users]
    missing = [f"{user}_HOST" for user in users if not _is_named(environ, user)]
    if missing and len(missing) < len(hosts):
        given = ", ".join(host for host in hosts if host not in missing)
        raise StartError(
            f"{given} is set and {', '.join(missing)} is not: set all of"
            f" {', '.join(hosts)} to use servers of yours, or none"
        )
    return not missing


def _is_named(environ: Mapping[str, str], user: str) -> bool:
    # sentinels and clusters are named by their nodes
    given = (environ.get(f"{user}_{word}", "") for word in ("HOST", "NODES"))
    return any(value.strip() for value in given)


def _spoken_for(environ: Mapping[str, str]) -> set[int]:
    given = {v for k, v in environ.items() if k.endswith("_PORT") and v.isdigit()}
    return {*SERVICE_PORTS, *map(int, given)}


def read_published(data: DataDirectory) -> dict[str, str]:
    """Variables that running embedded stores left; empty if none run."""
    try:
        text = data.stores.read_text()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
