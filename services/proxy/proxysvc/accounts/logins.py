"""Coming in with a password, and staying in with refresh tokens."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Final
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.accounts.bearer import REFRESH_SEC
from proxysvc.accounts.bearer import Bearers
from proxysvc.accounts.checks import LONGEST_PASSWORD
from proxysvc.accounts.checks import check_password
from proxysvc.accounts.checks import is_email
from proxysvc.accounts.herald import Herald
from proxysvc.accounts.throttle import Doorkeeper
from proxysvc.audit import note
from qbrixcore.errors import Denied
from qbrixcore.errors import InvalidBearer
from qbrixcore.errors import Unauthenticated
from qbrixlog import get_logger
from qbrixserving.passwords import Passwords
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.audit import Audit
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.logins import Exchange
from qbrixstore.postgres.logins import Logins
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import Account
from qbrixstore.postgres.users import Users

logger = get_logger(__name__)

# two tabs, or a retry, may exchange the same token
GRACE: Final = timedelta(seconds=60)
LIFE: Final = timedelta(seconds=REFRESH_SEC)
REUSED: Final = "a refresh token was used twice"
WRONG: Final = "wrong e-mail address or password"


class Pair(NamedTuple):
    """Who is in, and the tokens to show for it."""

    account: Account
    access: str
    refresh: str


class LoginService:
    """Every method raises Unavailable beside what it names."""

    def __init__(
        self,
        engine: AsyncEngine,
        passwords: Passwords,
        bearers: Bearers,
        door: Doorkeeper,
        herald: Herald,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._bearers = bearers
        self._door = door
        self._herald = herald

    async def authenticate(
        self, address: str, email: str, password: str
    ) -> Account | None:
        """Whose e-mail and password these are; None, as slowly, for nobody's.

        ``address`` is where the caller is. Raises Overloaded.
        """
        self._door.admit(address, email)
        account = None
        if is_email(email):
            async with system_session(self._engine) as session:
                account = await Credentials(session).by_email(email)
        matches = await self._matches(account, password)
        if account is None or not matches or not account.user.is_active:
            return None
        await self._renew_hash(account, password)
        return account

    async def login(self, address: str, email: str, password: str) -> Pair:
        """Raises Unauthenticated, Overloaded."""
        account = await self.authenticate(address, email, password)
        if account is None:
            raise Unauthenticated(WRONG)
        user, login_id, token_id = account.user, uuid4().hex, uuid4().hex
        async with get_session(self._engine, user.tenant_id) as session:
            logins = Logins(session, user.tenant_id)
            await logins.open(user.id, login_id, token_id, datetime.now(UTC) + LIFE)
        return await self._pair(account, login_id, token_id)

    async def refresh(self, token: str) -> Pair:
        """Another pair for a refresh token, which goes on working for a minute.

        Used after that, it revokes the login, with all that came of it.
        Raises InvalidBearer, Overloaded.
        """
        old = self._bearers.read_refresh(token.encode())
        self._door.admit_login(old.sid)
        token_id = uuid4().hex
        async with get_session(self._engine, old.tenant_id) as session:
            logins = Logins(session, old.tenant_id)
            exchange = await logins.exchange(
                old.sid, old.jti, token_id, datetime.now(UTC) + LIFE, GRACE
            )
            if exchange is Exchange.DONE:
                account = await Credentials(session).account(old.sub)
            elif exchange is Exchange.REUSED:
                audit = Audit(session, old.tenant_id)
                await audit.note(None, "login.revoke", old.sub, {"reason": REUSED})
        if exchange is Exchange.REUSED:
            logger.warning("a refresh token was used twice: login %s revoked", old.sid)
            await self._herald.tell(old.tenant_id, old.sub)
        if exchange is not Exchange.DONE:
            raise InvalidBearer()
        return await self._pair(account, old.sid, token_id)

    async def change_password(self, caller: Principal, current: str, new: str) -> None:
        """Set another password; every login ends, API keys stay.

        Raises Denied for a wrong current one, Invalid, Overloaded.
        """
        check_password(new)
        self._door.admit_login(caller.user_id)
        async with system_session(self._engine) as session:
            account = await Credentials(session).account(caller.user_id)
        if not await self._matches(account, current):
            raise Denied("the current password is another one")
        hashed = await self._passwords.hash(new)
        async with get_session(self._engine, caller.tenant_id) as session:
            await Users(session, caller.tenant_id).set_password(caller.user_id, hashed)
            await Logins(session, caller.tenant_id).revoke_all(caller.user_id)
            await note(session, caller, "user.password", caller.user_id)
        await self._herald.tell(caller.tenant_id, caller.user_id)

    async def _matches(self, account: Account | None, password: str) -> bool:
        hashed = account.password_hash if account else ""
        # whoever has no password is checked as slowly as everybody
        against = hashed if hashed.startswith("$argon2") else None
        # a longer one was never set, and would only take longer to check
        return await self._passwords.verify(against, password[: LONGEST_PASSWORD + 1])

    async def _renew_hash(self, account: Account, password: str) -> None:
        """Hash anew what was hashed at another cost than is usual now."""
        if not self._passwords.outdated(account.password_hash):
            return
        hashed = await self._passwords.hash(password)
        tenant, user = account.user.tenant_id, account.user.id
        async with get_session(self._engine, tenant) as session:
            await Users(session, tenant).set_password(user, hashed)

    async def _pair(self, account: Account, login_id: str, token_id: str) -> Pair:
        user = account.user
        access = await self._bearers.access(user, account.plan, login_id)
        return Pair(
            account, access, await self._bearers.refresh(user, login_id, token_id)
        )
