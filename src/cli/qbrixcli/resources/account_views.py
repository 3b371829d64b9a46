"""How people, their keys and profiles are shown."""

from __future__ import annotations

from qbrixcli.resources.output import Field
from qbrixcli.resources.output import Row
from qbrixcli.resources.output import View
from qbrixcli.resources.output import at
from qbrixcli.resources.output import time_at
from qbrixcli.resources.views import CREATED
from qbrixcli.resources.views import ID
from qbrixcli.resources.views import NAME

EMAIL = Field("e-mail", at("email"))
ROLE = Field("role", at("role"))
ACTIVE = Field("active", at("is_active"))
URL = Field("url", at("url"))
PLAN = Field("plan", at("plan_tier"))

_USER = (ID, EMAIL, ROLE, ACTIVE, CREATED)
USER = View("users", columns=_USER, lines=(*_USER, PLAN))
_WHO = (EMAIL, ID, ROLE, PLAN, URL, Field("by", at("source")))
WHO = View("users", columns=_WHO, lines=_WHO)


def _rate(name: str) -> Field:
    # no bound is a 0 on the wire
    return Field("calls a minute", lambda row: row.get(name) or "unlimited", True)


def _scopes(key: Row) -> str:
    return " ".join(key.get("scopes") or ())


_KEY = (
    ID,
    NAME,
    ACTIVE,
    CREATED,
    Field("last used", time_at("last_used_at")),
    Field("expires", time_at("expires_at")),
)
KEY = View(
    "keys",
    columns=_KEY,
    lines=(
        *_KEY,
        _rate("rate_limit_per_minute"),
        Field("scopes", _scopes),
        Field("key", lambda row: row.get("key") or "shown only when it was made"),
    ),
)
_USAGE = (Field("this minute", at("current_minute_usage")),)
USAGE = View("usages", columns=_USAGE, lines=(*_USAGE, _rate("rate_limit_per_minute")))
_PROFILE = (
    Field("", lambda row: "*" if row["current"] else ""),
    NAME,
    URL,
    EMAIL,
    Field("by", at("credential")),
)
PROFILES = View("profiles", columns=_PROFILE, lines=_PROFILE, key="name")
