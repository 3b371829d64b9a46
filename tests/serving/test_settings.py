"""Settings from the environment: names, values, errors, secrets."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated
from typing import Literal

import msgspec
import pytest
from msgspec import Meta

from qbrixserving.settings import SettingsError
from qbrixserving.settings import Variable
from qbrixserving.settings import describe
from qbrixserving.settings import read_settings

Port = Annotated[int, Meta(ge=1, le=65_535, description="where it listens")]
KEY = "k" * 32


class Mode(Enum):
    FAST = "fast"
    SAFE = "safe"


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    host: str = "127.0.0.1"
    port: Port = 6379
    password: str = ""


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    env: Annotated[
        Literal["dev", "prod"],
        Meta(description="prod refuses weak secrets", extra={"env": "QBRIX_ENV"}),
    ] = "dev"
    grpc_port: Port = 50_050
    redis: StoreSettings = StoreSettings()
    ttl_sec: Annotated[float, Meta(gt=0)] = 2.5
    reuse: bool = False
    motors: tuple[str, ...] = ("127.0.0.1:50051",)
    limit: int | None = None
    mode: Mode = Mode.SAFE
    folder: Path = Path(".qbrix")
    name: Annotated[str, Meta(min_length=2, pattern="^[a-z]+$")] = "proxy"
    token_secret_keys: Annotated[tuple[str, ...], Meta(extra={"min_length": 32})] = ()


def read(**environ: str) -> ProxySettings:
    return read_settings(ProxySettings, "PROXY_", environ)


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(**environ)
    return str(raised.value).splitlines()


def test_nothing_set_means_the_defaults() -> None:
    assert read() == ProxySettings()


def test_values_have_the_types_of_their_fields() -> None:
    settings = read(
        QBRIX_ENV="dev",
        PROXY_GRPC_PORT=" 6000 ",
        PROXY_REDIS_HOST="redis",
        PROXY_REDIS_PORT="7000",
        PROXY_TTL_SEC="1e3",
        PROXY_REUSE="On",
        PROXY_MOTORS="a:1, b:2,",
        PROXY_LIMIT="-3",
        PROXY_MODE="fast",
        PROXY_FOLDER="data/qbrix",
        PROXY_NAME="edge",
        UNRELATED="x",
    )
    assert settings == ProxySettings(
        grpc_port=6_000,
        redis=StoreSettings(host="redis", port=7_000),
        ttl_sec=1_000.0,
        reuse=True,
        motors=("a:1", "b:2"),
        limit=-3,
        mode=Mode.FAST,
        folder=Path("data/qbrix"),
        name="edge",
    )
    assert type(settings.ttl_sec) is float


def test_an_empty_variable_is_unset() -> None:
    empty = read(PROXY_GRPC_PORT="", PROXY_MOTORS=" ", PROXY_LIMIT="", QBRIX_ENV="")
    assert empty == ProxySettings()


@pytest.mark.parametrize(
    ("name", "value", "wants"),
    [
        ("PROXY_GRPC_PORT", "abc", "an integer from 1 to 65535"),
        ("PROXY_GRPC_PORT", "0", "an integer from 1 to 65535"),
        ("PROXY_GRPC_PORT", "65536", "an integer from 1 to 65535"),
        ("PROXY_GRPC_PORT", "80.0", "an integer from 1 to 65535"),
        ("PROXY_REDIS_PORT", "tcp://10.0.0.1:6379", "an integer from 1 to 65535"),
        ("PROXY_TTL_SEC", "0", "a number above 0"),
        ("PROXY_TTL_SEC", "nan", "a number above 0"),
        ("PROXY_TTL_SEC", "inf", "a number above 0"),
        ("PROXY_REUSE", "maybe", "true or false"),
        ("PROXY_LIMIT", "many", "an integer"),
        ("PROXY_MODE", "slow", "fast or safe"),
        ("PROXY_NAME", "x", "text of length from 2 like ^[a-z]+$"),
        ("PROXY_NAME", "Edge", "text of length from 2 like ^[a-z]+$"),
        ("QBRIX_ENV", "production", "dev or prod"),
    ],
)
def test_a_bad_value_is_named_shown_and_corrected(
    name: str, value: str, wants: str
) -> None:
    assert problems(**{name: value}) == [f"{name}: got {value!r}, wants {wants}"]


def test_all_bad_values_are_told_at_once() -> None:
    found = problems(PROXY_GRPC_PORT="x", PROXY_REDIS_PORT="y", PROXY_REUSE="z")
    assert [line.split(":")[0] for line in found] == [
        "PROXY_GRPC_PORT",
        "PROXY_REDIS_PORT",
        "PROXY_REUSE",
    ]


def test_what_has_no_default_must_be_set() -> None:
    class Needy(msgspec.Struct, kw_only=True):
        host: str

    with pytest.raises(SettingsError, match=r"^MOTOR_HOST: not set, wants text$"):
        read_settings(Needy, "MOTOR_", {})


def test_a_struct_may_refuse_a_combination() -> None:
    class Strict(msgspec.Struct, kw_only=True):
        low: int = 0
        high: int = 9

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("X_LOW: is above X_HIGH")

    with pytest.raises(SettingsError, match="^X_LOW: is above X_HIGH$"):
        read_settings(Strict, "X_", {"X_LOW": "10"})


def test_secrets_are_not_shown() -> None:
    settings = read(PROXY_REDIS_PASSWORD="hunter2", PROXY_TOKEN_SECRET_KEYS="abc,def")
    shown = f"{settings!r} {settings}"
    assert not any(secret in shown for secret in ("hunter2", "abc", "def"))
    assert settings.redis.password == "hunter2"
    assert "".join(settings.token_secret_keys) == "abcdef"


def test_a_wrong_secret_is_not_shown_either() -> None:
    class Pin(msgspec.Struct, kw_only=True):
        pin: Annotated[int, Meta(extra={"secret": True})] = 0

    with pytest.raises(SettingsError, match=r"^PIN: got \*\*\*, wants an integer$"):
        read_settings(Pin, "", {"PIN": "hunter2"})


def prod(**environ: str) -> dict[str, str]:
    return {
        "QBRIX_ENV": "prod",
        "PROXY_REDIS_PASSWORD": "long enough!",
        "PROXY_TOKEN_SECRET_KEYS": f"{KEY},{KEY[::-1]}x",
        **environ,
    }


def test_prod_takes_long_secrets() -> None:
    assert read(**prod()).token_secret_keys == (KEY, f"{KEY}x")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PROXY_REDIS_PASSWORD", "", "it must be set, to a secret of your own"),
        ("PROXY_REDIS_PASSWORD", "short", "it must be 12 characters or longer"),
        ("PROXY_TOKEN_SECRET_KEYS", "", "it must be set, to a secret of your own"),
        (
            "PROXY_TOKEN_SECRET_KEYS",
            f"{KEY},{KEY[1:]}",
            "it must be 32 characters or longer",
        ),
    ],
)
def test_prod_refuses_default_and_short_secrets(
    name: str, value: str, why: str
) -> None:
    assert problems(**prod(**{name: value})) == [f"{name}: with QBRIX_ENV=prod {why}"]
    assert read(**{name: value, "QBRIX_ENV": "dev"}).env == "dev"


def test_every_variable_is_described() -> None:
    rows = describe(ProxySettings, "PROXY_")
    port = "an integer from 1 to 65535"
    assert rows[:4] == (
        Variable("QBRIX_ENV", "dev or prod", "dev", "prod refuses weak secrets"),
        Variable("PROXY_GRPC_PORT", port, "50050", "where it listens"),
        Variable("PROXY_REDIS_HOST", "text", "127.0.0.1", ""),
        Variable("PROXY_REDIS_PORT", port, "6379", "where it listens"),
    )
    defaults = {row.name.removeprefix("PROXY_"): row.default for row in rows[4:]}
    assert defaults == {
        "REDIS_PASSWORD": "",
        "TTL_SEC": "2.5",
        "REUSE": "false",
        "MOTORS": "127.0.0.1:50051",
        "LIMIT": "",
        "MODE": "safe",
        "FOLDER": ".qbrix",
        "NAME": "proxy",
        "TOKEN_SECRET_KEYS": "",
    }


def test_a_type_that_no_text_can_have_is_refused() -> None:
    class Odd(msgspec.Struct, kw_only=True):
        table: dict[str, int] = {}

    with pytest.raises(TypeError, match="a setting cannot be of type"):
        read_settings(Odd, "X_", {"X_TABLE": "{}"})
