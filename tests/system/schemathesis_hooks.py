"""Loaded by schemathesis: requests that name what exists, more often than not.

``FUZZ_KNOWN`` has the values to put in, by name; ``FUZZ_KEPT`` what must survive.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import schemathesis

KNOWN: dict[str, str] = json.loads(os.environ["FUZZ_KNOWN"])
KEPT: list[str] = json.loads(os.environ["FUZZ_KEPT"])
OFTEN = 0.7


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    parts = [case.body] if isinstance(case.body, dict) else []
    if isinstance(case.path_parameters, dict):
        parts.append(case.path_parameters)
    for part in parts:
        for name in KNOWN.keys() & part.keys():
            if random.random() < OFTEN:
                part[name] = KNOWN[name]
    # neither the credentials in use nor what is selected from may go away
    for name, value in (case.path_parameters or {}).items():
        own = name in ("key_id", "user_id")
        if value in KEPT and (own or case.method == "DELETE"):
            case.path_parameters[name] = "0" * 32
