"""Exits with 0 if all that it is told of are ready: ``health.py http://… grpc://…``.

The proxy is asked over HTTP, motor and cortex by gRPC's own health check.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit
from urllib.request import urlopen

TIMEOUT_SEC: Final = 3.0


def main(addresses: Sequence[str]) -> int:
    """0 when every one is ready, 1 when one is not or does not answer."""
    unready = [address for address in addresses if not _is_ready(address)]
    for address in unready:
        print(f"{address} is not ready", file=sys.stderr)
    return 1 if unready or not addresses else 0


def _is_ready(address: str) -> bool:
    try:
        if address.startswith("grpc://"):
            return _ask_grpc(urlsplit(address).netloc)
        return _ask_http(address)
    except Exception as error:
        print(f"{address}: {error}", file=sys.stderr)
        return False


def _ask_http(address: str) -> bool:
    context = ssl.create_default_context()
    # the certificate names what is outside; nothing that is sent here is secret
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    url = f"{address}/health/ready"
    with urlopen(url, timeout=TIMEOUT_SEC, context=context) as answer:
        return bool(answer.status == 200)


def _ask_grpc(address: str) -> bool:
    # the image of the proxy is asked over HTTP, and quicker without this
    import grpc
    from grpc_health.v1 import health_pb2
    from grpc_health.v1 import health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        answer = stub.Check(request, timeout=TIMEOUT_SEC)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
