"""Typed settings from environment variables, and nothing else.

A field ``grpc_port`` of a struct read with prefix ``PROXY_`` is ``PROXY_GRPC_PORT``; a
nested struct adds its field's name (``PROXY_REDIS_HOST``). ``Meta(extra={...})`` of an
annotated field may say ``env`` (the variable's whole name), ``secret`` and
``min_length`` (of a secret in prod). An empty variable counts as unset.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from enum import Enum
from typing import Any
from typing import Final
from typing import Literal
from typing import NamedTuple
from typing import TypeVar
from typing import cast
from typing import get_args

import msgspec
from msgspec import inspect

from qbrixserving.values import Secret
from qbrixserving.values import parse
from qbrixserving.values import wanted

S = TypeVar("S", bound=msgspec.Struct)
Env = Literal["dev", "prod"]

ENV: Final = "QBRIX_ENV"
MIN_SECRET: Final = 12
_SECRET_ENDINGS: Final = ("password", "secret", "secret_key", "secret_keys")


class SettingsError(ValueError):
    """One line for each variable that is wrong."""


class Variable(NamedTuple):
    """One row of the table of settings."""

    name: str
    type: str
    default: str
    text: str


class _Setting(NamedTuple):
    name: str
    field: inspect.Field
    type: inspect.Type
    extra: Mapping[str, Any]
    text: str

    @property
    def secret(self) -> bool:
        marked = self.extra.get("secret")
        return self.field.name.endswith(_SECRET_ENDINGS) if marked is None else marked

    @property
    def default(self) -> object:
        if self.field.default_factory is not msgspec.NODEFAULT:
            return self.field.default_factory()
        return self.field.default


def read_settings(cls: type[S], prefix: str, environ: Mapping[str, str]) -> S:
    """The settings of a service. Raises SettingsError naming every wrong variable."""
    problems: list[str] = []
    env = environ.get(ENV, "").strip() or "dev"
    if env not in get_args(Env):
        problems.append(f"{ENV}: got {env!r}, wants {' or '.join(get_args(Env))}")
    settings = _read(cls, prefix, environ, env == "prod", problems)
    if settings is None or problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return settings


def describe(cls: type[msgspec.Struct], prefix: str) -> tuple[Variable, ...]:
    """Every variable of a settings struct, in the order of its fields."""
    return tuple(_describe(cls, prefix))


def _describe(cls: type[msgspec.Struct], prefix: str) -> Iterator[Variable]:
    for setting in _settings(cls, prefix):
        if isinstance(setting.type, inspect.StructType):
            yield from _describe(setting.type.cls, f"{setting.name}_")
        else:
            default = "" if setting.secret else _shown(setting.default)
            yield Variable(setting.name, wanted(setting.type), default, setting.text)


def _shown(default: object) -> str:
    if default is None or default is msgspec.NODEFAULT:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Enum):
        return str(default.value)
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _settings(cls: type[msgspec.Struct], prefix: str) -> Iterator[_Setting]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        kind: inspect.Type = field.type
        extra: dict[str, Any] = {}
        text = ""
        while isinstance(kind, inspect.Metadata):
            extra = {**(kind.extra or {}), **extra}
            text = text or (kind.extra_json_schema or {}).get("description", "")
            kind = kind.type
        name = extra.get("env") or prefix + field.name.upper()
        yield _Setting(name, field, kind, extra, text)


def _read(
    cls: type[S],
    prefix: str,
    environ: Mapping[str, str],
    guarded: bool,
    problems: list[str],
) -> S | None:
    values: dict[str, object] = {}
    before = len(problems)
    for setting in _settings(cls, prefix):
        kind = setting.type
        if isinstance(kind, inspect.StructType):
            inner = f"{setting.name}_"
            nested = _read(kind.cls, inner, environ, guarded, problems)
            values[setting.field.name] = nested
            continue
        try:
            values[setting.field.name] = _value(setting, environ, guarded)
        except ValueError as error:
            problems.append(f"{setting.name}: {error}")
    if len(problems) > before:
        return None
    try:
        return cls(**values)
    except SettingsError as error:
        problems.append(str(error))
    except ValueError as error:
        # a struct that does not know its prefix starts with the field
        problems.append(prefix + str(error).removeprefix(prefix))
    return None


def _value(setting: _Setting, environ: Mapping[str, str], guarded: bool) -> object:
    raw = environ.get(setting.name, "").strip()
    value = parse(raw, setting.type, setting.secret) if raw else setting.default
    if value is msgspec.NODEFAULT:
        raise ValueError(f"not set, wants {wanted(setting.type)}")
    if not setting.secret or value is None:
        return value
    if guarded:
        _check_secret(setting, value)
    if isinstance(value, str):
        return Secret(value)
    return tuple(Secret(one) for one in cast("tuple[str, ...]", value))


def _check_secret(setting: _Setting, value: object) -> None:
    least = int(setting.extra.get("min_length", MIN_SECRET))
    texts = (value,) if isinstance(value, str) else cast("tuple[str, ...]", value)
    if value == setting.default or not texts:
        raise ValueError(f"with {ENV}=prod it must be set, to a secret of your own")
    if any(len(text) < least for text in texts):
        raise ValueError(f"with {ENV}=prod it must be {least} characters or longer")
