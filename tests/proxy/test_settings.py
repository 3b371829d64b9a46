"""What the proxy reads from its environment, and what it refuses."""

from __future__ import annotations

import pytest

from proxysvc.accounts.settings import DEVELOPMENT_SECRET as JWT_SECRET
from proxysvc.settings import DEVELOPMENT_SECRET
from proxysvc.settings import ProxySettings
from proxysvc.settings import is_loopback
from qbrixserving.settings import SettingsError
from qbrixserving.settings import describe
from qbrixserving.settings import read_settings

SECRET = "0123456789abcdef0123456789abcdef"
PROD = {
    "QBRIX_ENV": "prod",
    "PROXY_TOKEN_SECRET_KEYS": f"one:{SECRET}",
    "PROXY_JWT_SECRET_KEY": SECRET,
    "PROXY_POSTGRES_PASSWORD": "a-password-of-its-own",
    "PROXY_REDIS_PASSWORD": "another-password",
}
NAMES = {
    "PROXY_GRPC_HOST",
    "PROXY_GRPC_PORT",
    "PROXY_HTTP_HOST",
    "PROXY_HTTP_PORT",
    "PROXY_HTTP_WORKERS",
    "PROXY_POSTGRES_HOST",
    "PROXY_POSTGRES_PORT",
    "PROXY_POSTGRES_USER",
    "PROXY_POSTGRES_PASSWORD",
    "PROXY_POSTGRES_DATABASE",
    "PROXY_POSTGRES_SSLMODE",
    "PROXY_REDIS_HOST",
    "PROXY_REDIS_PORT",
    "PROXY_REDIS_PASSWORD",
    "PROXY_MOTOR_HOST",
    "PROXY_MOTOR_PORT",
    "PROXY_AUTH",
    "PROXY_REGISTRATION",
    "PROXY_PLAN_LIMITS",
    "PROXY_JWT_SECRET_KEY",
    "PROXY_JWT_ALGORITHM",
    "PROXY_JWT_ACCESS_TOKEN_EXPIRE_MINUTES",
    "PROXY_JWT_KEYS_FILE",
    "PROXY_TOKEN_SECRET_KEYS",
    "PROXY_TOKEN_TTL_SEC",
    "PROXY_REQUEST_TIMEOUT_MS",
    "PROXY_MAX_IN_FLIGHT",
    "QBRIX_MAX_STATE_BYTES",
    "QBRIX_ENV",
}


def read(**environ: str) -> ProxySettings:
    return read_settings(ProxySettings, "PROXY_", environ)


def test_every_documented_variable_is_read() -> None:
    described = {variable.name: variable for variable in describe_proxy()}
    assert set(described) >= NAMES
    assert described["PROXY_GRPC_PORT"].default == "50050"
    assert described["PROXY_HTTP_PORT"].default == "8080"
    assert described["PROXY_TOKEN_TTL_SEC"].default == str(7 * 24 * 3600)
    assert described["PROXY_TOKEN_SECRET_KEYS"].default == ""


def describe_proxy() -> tuple[object, ...]:
    return describe(ProxySettings, "PROXY_")


def test_values_arrive_where_they_belong() -> None:
    settings = read(
        PROXY_GRPC_PORT="1",
        PROXY_POSTGRES_HOST="db",
        PROXY_REDIS_PORT="2",
        PROXY_MOTOR_HOST="::1",
        PROXY_TOKEN_SECRET_KEYS=f"new:{SECRET},{SECRET}",
        QBRIX_MAX_STATE_BYTES="4096",
    )
    assert settings.grpc_port == 1
    assert settings.postgres.host == "db"
    assert settings.redis.port == 2
    assert [p.address for p in settings.motor.places] == ["[::1]:50051"]
    assert settings.token_secret_keys == (f"new:{SECRET}", SECRET)
    assert settings.max_state_bytes == 4096
    assert SECRET not in repr(settings)


def test_motors_are_given_one_by_one_or_by_a_name() -> None:
    settings = read(PROXY_MOTOR_HOST="motor, 10.0.0.1:7,[::1]:8", PROXY_MOTOR_PORT="9")
    found = [place.address for place in settings.motor.places]
    assert found == ["motor:9", "10.0.0.1:7", "[::1]:8"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PROXY_MOTOR_HOST": "a,b:x"}, "PROXY_MOTOR_HOST: got 'b:x', wants host or"),
        ({"PROXY_GRPC_PORT": "abc"}, "PROXY_GRPC_PORT: got 'abc', wants an integer"),
        ({"PROXY_AUTH": "maybe"}, "PROXY_AUTH: got 'maybe'"),
        ({"PROXY_HTTP_WORKERS": "0"}, "PROXY_HTTP_WORKERS: got '0'"),
        ({"PROXY_TOKEN_SECRET_KEYS": f"a:{SECRET},a:x"}, "distinct key ids"),
        ({"PROXY_TOKEN_SECRET_KEYS": "a:"}, "PROXY_TOKEN_SECRET_KEYS"),
        ({**PROD, "PROXY_TOKEN_SECRET_KEYS": ""}, "PROXY_TOKEN_SECRET_KEYS"),
        ({**PROD, "PROXY_TOKEN_SECRET_KEYS": "a:short"}, "PROXY_TOKEN_SECRET_KEYS"),
        (
            {**PROD, "PROXY_TOKEN_SECRET_KEYS": DEVELOPMENT_SECRET},
            "PROXY_TOKEN_SECRET_KEYS",
        ),
        ({**PROD, "PROXY_JWT_SECRET_KEY": ""}, "PROXY_JWT_SECRET_KEY"),
        ({**PROD, "PROXY_JWT_SECRET_KEY": "short"}, "PROXY_JWT_SECRET_KEY"),
        ({**PROD, "PROXY_JWT_SECRET_KEY": JWT_SECRET}, "PROXY_JWT_SECRET_KEY"),
        ({"PROXY_JWT_SECRET_KEY": SECRET[1:]}, "PROXY_JWT_SECRET_KEY: the key"),
        (
            {"PROXY_JWT_SECRET_KEY": SECRET, "PROXY_JWT_ALGORITHM": "HS512"},
            "wants 64 bytes or more for HS512",
        ),
        ({"PROXY_JWT_ALGORITHM": "none"}, "PROXY_JWT_ALGORITHM: got 'none'"),
        ({"PROXY_JWT_ALGORITHM": "RS256"}, "PROXY_JWT_ALGORITHM: got 'RS256'"),
        ({"PROXY_JWT_KEYS_FILE": "nowhere.json"}, "PROXY_JWT_KEYS_FILE: cannot read"),
        ({"PROXY_PLAN_LIMITS": "free:100"}, "PROXY_PLAN_LIMITS: got 'free:100'"),
        ({"PROXY_PLAN_LIMITS": "gold:1/1/1"}, "PROXY_PLAN_LIMITS: got 'gold'"),
        ({"PROXY_PLAN_LIMITS": "pro:1/1/1,pro:2/2/2"}, "PROXY_PLAN_LIMITS: got 'pro'"),
        ({**PROD, "PROXY_AUTH": "off"}, "PROXY_AUTH: got 'off'"),
        ({"PROXY_AUTH": "off", "PROXY_HTTP_HOST": "0.0.0.0"}, "PROXY_HTTP_HOST"),
        ({"PROXY_AUTH": "off", "PROXY_GRPC_HOST": "10.0.0.1"}, "PROXY_GRPC_HOST"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read(**environ)
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


def test_production_runs_with_secrets_of_its_own() -> None:
    assert read(**PROD).env == "prod"
    assert read().token_secret_keys == (DEVELOPMENT_SECRET,)


def test_strangers_may_register_in_development_only() -> None:
    assert read().open_to_strangers
    assert not read(**PROD).open_to_strangers
    assert read(**PROD, PROXY_REGISTRATION="open").open_to_strangers
    assert not read(PROXY_REGISTRATION="closed").open_to_strangers


def test_an_open_door_leads_to_loopback_only() -> None:
    assert read(PROXY_AUTH="off").auth == "off"
    assert read(PROXY_AUTH="off", PROXY_HTTP_HOST="::1").http_host == "::1"
    for host, near in (
        ("localhost", True),
        ("127.0.0.7", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.org", False),
    ):
        assert is_loopback(host) is near
