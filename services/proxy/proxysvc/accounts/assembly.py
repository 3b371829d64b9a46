"""The services about people and keys, put together."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.accounts.bearer import Bearers
from proxysvc.accounts.herald import Herald
from proxysvc.accounts.keys import KeyService
from proxysvc.accounts.logins import LoginService
from proxysvc.accounts.operators import OperatorService
from proxysvc.accounts.plans import Plans
from proxysvc.accounts.throttle import Doorkeeper
from proxysvc.accounts.usage import UsageMeter
from proxysvc.accounts.users import UserService
from proxysvc.audit import AuditService
from qbrixserving.passwords import Passwords
from qbrixstore.postgres import system_session
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.principal import Principal

DIGEST_CHARS = 64


class Accounts(NamedTuple):
    """What both wires serve of it."""

    logins: LoginService
    users: UserService
    keys: KeyService
    operators: OperatorService
    audit: AuditService


def assemble(
    engine: AsyncEngine,
    bearers: Bearers,
    plans: Plans,
    herald: Herald,
    meter: UsageMeter,
    open_to_strangers: bool,
) -> Accounts:
    """One of each, which share the turns of hashing and the counts of attempts."""
    passwords, door = Passwords(), Doorkeeper()
    return Accounts(
        logins=LoginService(engine, passwords, bearers, door, herald),
        users=UserService(engine, passwords, plans, door, herald, open_to_strangers),
        keys=KeyService(engine, plans, herald, meter),
        operators=OperatorService(engine, plans, herald, meter),
        audit=AuditService(engine),
    )


class Directory:
    """Principals as Postgres knows them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, references: Collection[str]) -> dict[str, Principal]:
        """Those that are in order, by digest of a key or id of a login.

        Raises Unavailable.
        """
        digests = [one for one in references if len(one) == DIGEST_CHARS]
        logins = [one for one in references if len(one) != DIGEST_CHARS]
        async with system_session(self._engine) as session:
            credentials = Credentials(session)
            found = await credentials.by_digests(digests)
            return found | await credentials.by_logins(logins)
