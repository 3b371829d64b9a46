"""What callers may put into names, ids and free-form values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from qbrixcore.errors import Invalid
from qbrixcore.errors import NotFound

LONGEST_NAME: Final = 255  # characters
DEEPEST: Final = 16  # levels of nesting in a free-form value
MOST_ARMS: Final = 10_000
MOST_ROWS: Final = 1_000  # of a page
LARGEST_OFFSET: Final = 2**31 - 1

_ID: Final = re.compile(r"[0-9a-f]{32}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def is_id(text: str) -> bool:
    """Whether this could be an id that was ever given out."""
    return _ID.fullmatch(text) is not None


def check_id(text: str, missing: type[NotFound]) -> None:
    """Raises ``missing`` for what cannot be an id: there is no such thing."""
    if not is_id(text):
        raise missing()


def check_name(what: str, name: str) -> None:
    """Raises Invalid for a name that is blank, too long or not printable."""
    if not name.strip():
        raise Invalid(f"the name of {what} must not be blank")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"the name of {what} is longer than {LONGEST_NAME} characters")
    if _CONTROL.search(name):
        raise Invalid(f"the name of {what} contains a control character")


def check_value(what: str, value: object, depth: int = 0) -> None:
    """Raises Invalid for what JSON in the store cannot hold."""
    if depth > DEEPEST:
        raise Invalid(f"{what} is nested more than {DEEPEST} levels deep")
    if isinstance(value, str):
        if "\x00" in value:
            raise Invalid(f"{what} contains a null character")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid(f"{what} contains a number that is not finite")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            check_value(what, name, depth + 1)
            check_value(what, inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            check_value(what, inner, depth + 1)


def check_page(limit: int, offset: int) -> None:
    """Raises Invalid for a page that is not served."""
    if not 1 <= limit <= MOST_ROWS:
        raise Invalid(f"limit must be from 1 to {MOST_ROWS}")
    if not 0 <= offset <= LARGEST_OFFSET:
        raise Invalid(f"offset must be from 0 to {LARGEST_OFFSET}")
