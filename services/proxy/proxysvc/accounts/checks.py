"""What people may choose as address and password."""

from __future__ import annotations

import re
from typing import Final

from qbrixcore.errors import Invalid

LONGEST_EMAIL: Final = 320
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1_024  # characters; hashing takes longer for longer ones
# nobody but its mail server can say whether an address is one: this refuses what is not
EMAIL: Final = (
    r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)+$"
)
_EMAIL: Final = re.compile(EMAIL)


def is_email(text: str) -> bool:
    """Whether a user could have this address."""
    return len(text) <= LONGEST_EMAIL and _EMAIL.fullmatch(text.strip()) is not None


def check_email(email: str) -> None:
    """Raises Invalid for what cannot be an e-mail address."""
    if not is_email(email):
        raise Invalid("this is not an e-mail address")


def check_password(password: str) -> None:
    """Raises Invalid for a password that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(
            f"a password has from {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        )
