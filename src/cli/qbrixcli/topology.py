"""Settings of all services of one machine, and where they listen."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cortexsvc.settings import CortexSettings
from motorsvc.settings import MotorSettings
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.errors import StartError
from qbrixserving.processes import port_is_free
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings

PORTS = (
    *("PROXY_HTTP_PORT", "PROXY_GRPC_PORT", "MOTOR_GRPC_PORT", "CORTEX_GRPC_PORT"),
    *("PROXY_METRICS_PORT", "MOTOR_METRICS_PORT", "CORTEX_METRICS_PORT"),
)
LOCAL = "127.0.0.1"
ANY = ("0.0.0.0", "::", "")


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """What the services will read, checked before one of them starts."""

    proxy: ProxySettings
    motor: MotorSettings
    cortex: CortexSettings

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Topology:
        """From the services' environment. Raises StartError, a line a variable."""
        try:
            return cls(
                proxy=read_settings(ProxySettings, "PROXY_", environ),
                motor=read_settings(MotorSettings, "MOTOR_", environ),
                cortex=read_settings(CortexSettings, "CORTEX_", environ),
            )
        except SettingsError as error:
            raise StartError(str(error)) from error

    @property
    def http_url(self) -> str:
        """Where clients reach REST."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{dialled(self.proxy.http_host)}:{self.proxy.http_port}"

    @property
    def grpc_url(self) -> str:
        """Where clients reach gRPC."""
        scheme = "grpc" if self.certificate is None else "grpcs"
        return f"{scheme}://{dialled(self.proxy.grpc_host)}:{self.proxy.grpc_port}"

    @property
    def certificate(self) -> Path | None:
        """What the proxy shows to clients; None without TLS."""
        return self.proxy.tls.cert

    @property
    def metrics_urls(self) -> list[str]:
        """Where Prometheus finds the services."""
        return [
            f"http://{dialled(one.metrics_host)}:{one.metrics_port}/metrics"
            for one in (self.proxy, self.motor, self.cortex)
            if one.metrics_port
        ]

    def probe(self) -> None:
        """Raises StartError if a port is taken, or cannot be ours."""
        seen: dict[int, str] = {}
        for variable, host, port in self._doors():
            if port in seen:
                raise StartError(
                    f"{variable} and {seen[port]} are both {port}: change one"
                )
            seen[port] = variable
            _probe(variable, host, port)

    def _doors(self) -> list[tuple[str, str, int]]:
        services = (
            ("PROXY", self.proxy),
            ("MOTOR", self.motor),
            ("CORTEX", self.cortex),
        )
        return [
            ("PROXY_HTTP_PORT", self.proxy.http_host, self.proxy.http_port),
            ("PROXY_GRPC_PORT", self.proxy.grpc_host, self.proxy.grpc_port),
            ("MOTOR_GRPC_PORT", self.motor.grpc_host, self.motor.grpc_port),
            ("CORTEX_GRPC_PORT", self.cortex.grpc_host, self.cortex.grpc_port),
            *(
                (f"{name}_METRICS_PORT", one.metrics_host, one.metrics_port)
                for name, one in services
                if one.metrics_port
            ),
        ]


def motor_address(
    environ: Mapping[str, str], more: Sequence[int] = ()
) -> dict[str, str]:
    """Where the proxy finds the motor of this machine, and those on more ports.

    Raises StartError.
    """
    try:
        motor = read_settings(MotorSettings, "MOTOR_", environ)
    except SettingsError as error:
        raise StartError(str(error)) from error
    host = dialled(motor.grpc_host)
    inside = f"[{host}]" if ":" in host else host
    return {
        "PROXY_MOTOR_HOST": ",".join([host, *(f"{inside}:{port}" for port in more)]),
        "PROXY_MOTOR_PORT": str(motor.grpc_port),
    }


def dialled(host: str) -> str:
    """The address at which a server bound to ``host`` is reached from here."""
    return LOCAL if host in ANY else host


def _probe(variable: str, host: str, port: int) -> None:
    try:
        free = port_is_free(host, port)
    except OSError as error:
        raise StartError(
            f"cannot listen on {host}:{port} ({error.strerror}):"
            f" change {variable.removesuffix('PORT')}HOST or {variable}"
        ) from error
    if not free:
        raise StartError(
            f"port {port} on {host} is taken: stop what listens there,"
            f" or set {variable} to another port"
        )
