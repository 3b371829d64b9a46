"""What the routes that are walked take and answer, where it is not the usual."""

from __future__ import annotations

from typing import Any

from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import an_email

HIDDEN = {"/auth": "/api/auth"}
NO_IDS = {
    ("get", "/health"),
    ("get", "/health/ready"),
    ("get", "/info"),
    ("get", "/api/v1/policies"),
    ("get", "/api/v1/runtime/redis/health"),
    ("get", "/api/v1/runtime/motor/health"),
    ("get", "/api/v1/runtime/cortex/health"),
    ("get", "/api/v1/runtime/redis/stream/size"),
    ("post", "/auth/register"),
    ("post", "/auth/login"),
    ("post", "/auth/refresh"),
    ("get", "/auth/profile"),
    ("put", "/auth/profile/password"),
    ("get", "/auth/roles"),
}
# lists, and where in their answer the things are
LISTS = {
    ("get", "/api/v1/pools"): "pools",
    ("get", "/api/v1/experiments"): "experiments",
    ("get", "/api/v1/audit"): "entries",
    ("get", "/auth/users"): "users",
    ("get", "/auth/api-keys"): "",
}
# makes something of the stranger's own, whatever there is of others
CREATES = {
    ("post", "/api/v1/pools"),
    ("post", "/auth/users"),
    ("post", "/auth/api-keys"),
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("patch", "/api/v1/pools/{pool_id}"): {"name": "mine"},
    ("post", "/api/v1/pools/{pool_id}/arms"): {"arms": [{"name": "mine"}]},
    ("patch", "/api/v1/pools/{pool_id}/arms/{arm_id}"): {"is_active": False},
    ("post", "/api/v1/experiments"): {
        "name": "mine",
        "pool_id": "{pool_id}",
        "policy": "BetaTSPolicy",
    },
    ("patch", "/api/v1/experiments/{experiment_id}"): {"enabled": False},
    ("post", "/api/v1/experiments/{experiment_id}/rollback"): {"version": 1},
    ("post", "/api/v1/gates/{experiment_id}"): {"enabled": False},
    ("put", "/api/v1/gates/{experiment_id}"): {"enabled": False},
    ("patch", "/api/v1/gates/{experiment_id}"): {"enabled": False},
    ("post", "/api/v1/gates/{experiment_id}/evaluate"): {"context_id": "somebody"},
    ("post", "/api/v1/agent/select"): {
        "experiment_id": "{experiment_id}",
        "context": {"id": "somebody"},
    },
    ("post", "/api/v1/agent/feedback"): {"request_id": "{token}", "reward": 1},
    ("post", "/api/v1/agent/select:batch"): {
        "experiment_id": "{experiment_id}",
        "contexts": [{"id": "somebody"}],
    },
    ("post", "/api/v1/agent/feedback:batch"): {
        "feedbacks": [{"request_id": "{token}", "reward": 1}]
    },
    ("patch", "/auth/users/{user_id}"): {"is_active": False},
    ("put", "/auth/users/{user_id}/role"): {"role": "viewer"},
    ("patch", "/auth/api-keys/{key_id}"): {"name": "mine"},
    ("post", "/api/v1/pools"): {"name": "mine", "arms": [{"name": "a"}]},
    ("post", "/auth/users"): {"email": an_email(), "password": PASSWORD},
    ("post", "/auth/api-keys"): {"name": "mine"},
}
# a token names no resource: that of another tenant was not issued to the caller
OTHER_ANSWERS = {
    ("post", "/api/v1/agent/feedback"): (400, "FEEDBACK_FAILED"),
    # each token is refused by itself
    ("post", "/api/v1/agent/feedback:batch"): (200, None),
}
NOT_FOUND = {
    "NOT_FOUND",
    "POOL_NOT_FOUND",
    "EXPERIMENT_NOT_FOUND",
    "USER_NOT_FOUND",
    "GATE_NOT_FOUND",
}
