"""What the proxy reads from its environment, and the values it refuses to run with."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from typing import Final
from typing import Literal

import msgspec

from proxysvc.accounts.plans import WANTED
from proxysvc.accounts.plans import Plans
from proxysvc.accounts.settings import JwtSettings
from proxysvc.gates.settings import GateSettings
from proxysvc.origins import check_origins
from proxysvc.stream.places import Place
from proxysvc.tls import TlsSettings
from proxysvc.token import MIN_SECRET_BYTES
from proxysvc.token import Keyring
from qbrixserving.event_log import EventLog
from qbrixserving.metrics.settings import MetricsHost
from qbrixserving.metrics.settings import MetricsPort
from qbrixserving.settings import Env
from qbrixserving.settings import SettingsError
from qbrixserving.tracing.settings import TracingSettings
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.config import Shards

DEVELOPMENT_SECRET: Final = "only-for-development-never-in-production"
_REGISTRATION: Final = {"dev": "open", "prod": "closed"}

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class MotorAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the motors answer. Raises ValueError for what is no place."""

    host: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="where motors are: host or host:port of each, or a name that "
            "stands for all of them"
        ),
    ] = ("127.0.0.1",)
    port: Annotated[
        Port, msgspec.Meta(description="gRPC port of motors given without one")
    ] = 50_051

    def __post_init__(self) -> None:
        _ = self.places

    @property
    def places(self) -> list[Place]:
        """Where to look for motors. Raises ValueError."""
        found = []
        for text in self.host:
            try:
                found.append(Place.parse(text, self.port))
            except ValueError:
                raise ValueError(
                    f"HOST: got {text!r}, wants host or host:port"
                ) from None
        return found


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the proxy; ``read_settings`` fills them with prefix ``PROXY_``.

    Raises SettingsError when they do not go together.
    """

    grpc_host: Annotated[
        str, msgspec.Meta(description="address the gRPC port binds to")
    ] = "127.0.0.1"
    grpc_port: Annotated[Port, msgspec.Meta(description="gRPC port")] = 50_050
    http_host: Annotated[
        str, msgspec.Meta(description="address the HTTP port binds to")
    ] = "127.0.0.1"
    http_port: Annotated[Port, msgspec.Meta(description="HTTP port")] = 8_080
    metrics_host: MetricsHost = "127.0.0.1"
    metrics_port: MetricsPort = 9_450
    http_workers: Annotated[
        int, msgspec.Meta(ge=1, le=256, description="worker processes")
    ] = 1
    auth: Annotated[
        Literal["on", "off"],
        msgspec.Meta(description="off: no key needed; only in dev and on loopback"),
    ] = "on"
    registration: Annotated[
        Literal["open", "closed"] | None,
        msgspec.Meta(
            description="may strangers register; unset: open in dev, closed in prod"
        ),
    ] = None
    plan_limits: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description=f"{WANTED}; 0: no bound; the first is for new tenants"
        ),
    ] = ()
    token_secret_keys: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="secrets of selection tokens; the first signs, all verify",
            extra={"min_length": MIN_SECRET_BYTES},
        ),
    ] = (DEVELOPMENT_SECRET,)
    token_ttl_sec: Annotated[
        int, msgspec.Meta(ge=1, description="how long feedback is accepted, seconds")
    ] = 7 * 86_400
    request_timeout_ms: Annotated[
        int, msgspec.Meta(ge=1, description="longest wait of a select or feedback, ms")
    ] = 400
    max_in_flight: Annotated[
        int,
        msgspec.Meta(ge=1, description="selects and feedbacks at once, per worker"),
    ] = 1_024
    max_backlog: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            description="events a shard of the log may hold before feedback is refused "
            "with 429; 0: any number",
        ),
    ] = 1_000_000
    max_awaited: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            description="selections a shard may hold that await a reward or their "
            "default; 0: any number",
        ),
    ] = 5_000_000
    control_timeout_ms: Annotated[
        int, msgspec.Meta(ge=1, description="longest wait of any other call, ms")
    ] = 15_000
    max_control_in_flight: Annotated[
        int, msgspec.Meta(ge=1, description="other calls at once, per worker and wire")
    ] = 256
    cors_origins: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="origins whose pages may call, as in https://example.org; or *"
        ),
    ] = ()
    max_state_bytes: Annotated[
        int,
        msgspec.Meta(
            ge=1_024,
            description="largest learned state of one experiment, bytes",
            extra={"env": "QBRIX_MAX_STATE_BYTES"},
        ),
    ] = 8 * 1024 * 1024
    event_log: EventLog = "off"
    shards: Shards = 1
    tracing: TracingSettings = msgspec.field(default_factory=TracingSettings)
    env: Annotated[
        Env,
        msgspec.Meta(
            description="prod refuses default and short secrets",
            extra={"env": "QBRIX_ENV"},
        ),
    ] = "dev"
    gate: GateSettings = msgspec.field(default_factory=GateSettings)
    jwt: JwtSettings = msgspec.field(default_factory=JwtSettings)
    tls: TlsSettings = msgspec.field(default_factory=TlsSettings)
    postgres: PostgresSettings = msgspec.field(default_factory=PostgresSettings)
    redis: RedisSettings = msgspec.field(default_factory=RedisSettings)
    motor: MotorAddress = msgspec.field(default_factory=MotorAddress)

    def __post_init__(self) -> None:
        try:
            Keyring.parse(self.token_secret_keys, strong=self.env == "prod")
        except ValueError as error:
            raise SettingsError(f"PROXY_TOKEN_SECRET_KEYS: {error}") from error
        try:
            Plans.parse(self.plan_limits)
        except ValueError as error:
            raise SettingsError(f"PROXY_PLAN_LIMITS: {error}") from error
        try:
            check_origins(self.cors_origins)
        except ValueError as error:
            raise SettingsError(f"PROXY_CORS_ORIGINS: {error}") from error
        self.tls.check()
        self.jwt.keys(strong=self.env == "prod")
        if self.auth == "off":
            self._check_open_door()

    @property
    def open_to_strangers(self) -> bool:
        """Whether anybody may register."""
        return (self.registration or _REGISTRATION[self.env]) == "open"

    def _check_open_door(self) -> None:
        if self.env != "dev":
            raise SettingsError("PROXY_AUTH: got 'off', wants 'on' if QBRIX_ENV=prod")
        for name in ("http_host", "grpc_host"):
            host = getattr(self, name)
            if not is_loopback(host):
                raise SettingsError(
                    f"PROXY_AUTH: got 'off' while PROXY_{name.upper()} is '{host}', "
                    "wants a loopback address there"
                )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
