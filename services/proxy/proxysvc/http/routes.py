"""The ordinary REST application, put together."""

from __future__ import annotations

from typing import Final
from typing import TypeVar
from typing import cast

from litestar import Litestar
from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.types import Guard

from proxysvc.accounts.assembly import Accounts
from proxysvc.accounts.keys import KeyService
from proxysvc.accounts.logins import LoginService
from proxysvc.accounts.users import UserService
from proxysvc.arms import ArmService
from proxysvc.asgi import ASGIApp
from proxysvc.audit import AuditService
from proxysvc.auth import Authenticator
from proxysvc.experiments import ExperimentService
from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.body import MAX_BYTES
from proxysvc.gates.service import GateService
from proxysvc.http.arms import ArmController
from proxysvc.http.audit import get_audit
from proxysvc.http.auth import AuthController
from proxysvc.http.auth_keys import ApiKeyController
from proxysvc.http.auth_users import ProfileController
from proxysvc.http.auth_users import UserController
from proxysvc.http.bounds import Bounds
from proxysvc.http.bounds import bounded
from proxysvc.http.caller import authenticate
from proxysvc.http.caller import principal
from proxysvc.http.docs import get_page
from proxysvc.http.docs import get_script
from proxysvc.http.docs import get_style
from proxysvc.http.document import OPENAPI
from proxysvc.http.document import get_document
from proxysvc.http.errors import HANDLERS
from proxysvc.http.experiments import ExperimentController
from proxysvc.http.gates import GateController
from proxysvc.http.health import get_health
from proxysvc.http.health import get_info
from proxysvc.http.health import get_readiness
from proxysvc.http.insight import InsightController
from proxysvc.http.policies import get_policies
from proxysvc.http.pools import PoolController
from proxysvc.http.preflight import get_methods
from proxysvc.http.restarts import RestartController
from proxysvc.http.runtime import RuntimeController
from proxysvc.http.tracing import traced
from proxysvc.insight.assembly import Insights
from proxysvc.insight.runtime import RuntimeService
from proxysvc.insight.service import InsightService
from proxysvc.pools import PoolService
from proxysvc.readiness import Readiness

T = TypeVar("T")

API: Final = "/api/v1"
AUTH: Final = "/auth"


def rest_api(
    authenticator: Authenticator,
    pools: PoolService,
    arms: ArmService,
    experiments: ExperimentService,
    gates: GateService,
    accounts: Accounts,
    told: Insights,
    readiness: Readiness,
    arrivals: Arrivals,
    bounds: Bounds,
) -> ASGIApp:
    """Everything but the hot path, as an ASGI application."""
    known = authenticate(authenticator)
    api = Router(
        API,
        route_handlers=[
            PoolController,
            ArmController,
            ExperimentController,
            GateController,
            RestartController,
            get_policies,
            get_audit,
            InsightController,
            RuntimeController,
        ],
        guards=[known],
    )
    app = Litestar(
        route_handlers=[
            api,
            # clients of two generations use one path each
            _auth(AUTH, known),
            _auth(f"/api{AUTH}", known, shown=False),
            get_health,
            get_readiness,
            get_info,
            get_document,
            get_page,
            get_script,
            get_style,
            get_methods,
        ],
        dependencies={
            "principal": Provide(principal, sync_to_thread=False),
            "pools": _given(PoolService, pools),
            "arms": _given(ArmService, arms),
            "experiments": _given(ExperimentService, experiments),
            "gates": _given(GateService, gates),
            "logins": _given(LoginService, accounts.logins),
            "users": _given(UserService, accounts.users),
            "keys": _given(KeyService, accounts.keys),
            "audit": _given(AuditService, accounts.audit),
            "insight": _given(InsightService, told.insight),
            "runtime": _given(RuntimeService, told.runtime),
            "readiness": _given(Readiness, readiness),
        },
        exception_handlers=HANDLERS,
        request_max_body_size=MAX_BYTES,
        openapi_config=OPENAPI,
        logging_config=None,
        debug=False,
    )
    return traced(bounded(cast("ASGIApp", app), bounds), arrivals)


def _auth(path: str, known: Guard, shown: bool = True) -> Router:
    """People and their keys; only those in need of a key are asked for one."""
    guarded = [ProfileController, UserController, ApiKeyController]
    return Router(
        path,
        route_handlers=[
            AuthController,
            Router("", route_handlers=guarded, guards=[known]),
        ],
        include_in_schema=shown,
        # tokens and keys are for nobody's cache
        cache_control=CacheControlHeader(no_store=True),
    )


def _given(kind: type[T], value: T) -> Provide:
    """A dependency that was built before the first request."""

    def provide() -> T:
        return value

    provide.__annotations__["return"] = kind
    return Provide(provide, sync_to_thread=False)
