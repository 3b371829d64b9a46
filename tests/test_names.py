"""What others rely on: names that can be imported, variables that are documented."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from qbrixserving.settings import describe

README = Path(__file__).resolve().parent.parent / "README.md"
PUBLIC = """
qbrixcore.policy.stochastic.ts:BetaTSPolicy
qbrixcore.agent:Agent
qbrixcore.pool:Pool
qbrixcore.pool:Arm
qbrixcore.context:Context
qbrixcore.policy.base:BasePolicy
qbrixcore.param.state:BaseParamState
qbrixcore.callback:BaseCallback
qbrixcore.param.backend:BaseParamBackend
qbrixcore.param.backend:InMemoryParamBackend
qbrixstore.redis:RedisParamBackend
qbrixstore.redis:RedisClient
qbrixstore.redis:RedisStreamPublisher
qbrixstore.redis:RedisStreamConsumer
qbrixstore.redis:FeedbackEvent
qbrixstore.postgres:get_session
qbrixstore.postgres:init_db
qbrixlog:configure_logging
qbrixlog:get_logger
qbrixlog:request_context
""".split()
STUBS = [
    f"qbrixproto.{name}_pb2{kind}"
    for name in ("common", "motor", "proxy", "cortex", "auth")
    for kind in ("", "_grpc")
]
ALIASES = {
    "qbrixcore.protoc.base:BaseProtocol": "qbrixcore.policy.base:BasePolicy",
    "qbrixcore.protoc.stochastic.ts:BetaTSProtocol": (
        "qbrixcore.policy.stochastic.ts:BetaTSPolicy"
    ),
}


def _load(name: str) -> object:
    module, _, attribute = name.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


@pytest.mark.parametrize("name", [*PUBLIC, *STUBS])
def test_a_public_name_can_be_imported(name: str) -> None:
    assert _load(name) is not None


@pytest.mark.parametrize("name", ALIASES)
def test_an_older_name_is_the_same_class(name: str) -> None:
    assert _load(name) is _load(ALIASES[name])


OTHER_VARIABLES = {
    "LOG_FORMAT": "text",
    "LOG_LEVEL": "info",
    "PROXY_LOG_LEVEL": "",
    "MOTOR_LOG_LEVEL": "",
    "CORTEX_LOG_LEVEL": "",
    "QBRIX_DATA_DIR": ".qbrix",
}
SETTINGS = {
    "PROXY_": "proxysvc.settings:ProxySettings",
    "MOTOR_": "motorsvc.settings:MotorSettings",
    "CORTEX_": "cortexsvc.settings:CortexSettings",
    "QBRIX_": "qbrixcli.resources.settings:ClientSettings",
}


def _variables() -> dict[str, str]:
    """The default of every environment variable, by name."""
    defaults = dict(OTHER_VARIABLES)
    for prefix, name in SETTINGS.items():
        rows = describe(_load(name), prefix)  # type: ignore[arg-type]
        defaults |= {row.name: row.default for row in rows}
    return defaults


def test_the_readme_lists_every_variable_with_its_default() -> None:
    rows = re.findall(r"^\| *`([A-Z][A-Z_]+)`.*$", README.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(_variables())
    text = README.read_text()
    for name, default in _variables().items():
        [row] = re.findall(rf"^\| *`{name}`.*$", text, re.MULTILINE)
        assert not default or f"`{default}`" in row, row
