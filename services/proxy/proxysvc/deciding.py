"""What selects and feedback go through, put together.

definitions, motors ── selection ── feedback log, journal, awaited rewards
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager

from proxysvc.awaiting import Awaiting
from proxysvc.definitions import DefinitionCache
from proxysvc.feedback import FeedbackLog
from proxysvc.insight.counting import Appended
from proxysvc.insight.counting import CountedPublisher
from proxysvc.insight.counting import Counting
from proxysvc.journal import Journal
from proxysvc.journal import new_chooser
from proxysvc.metrics import Delivery
from proxysvc.rewarding import Rewarding
from proxysvc.rewarding import Traceparent
from proxysvc.selection import Selection
from proxysvc.settings import ProxySettings
from proxysvc.stream.client import MotorClient
from proxysvc.token import Keyring
from proxysvc.token import Mint
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.choices import Choices
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.publisher import RedisStreamPublisher

Delivers = Callable[[str, Delivery], None]


@asynccontextmanager
async def deciding(
    settings: ProxySettings,
    cache: DefinitionCache,
    redis: RedisClient,
    layout: Layout,
    counting: Counting,
    motor: MotorClient,
    appended: Appended,
    delivers: Delivers,
    traceparent: Traceparent = str,
) -> AsyncIterator[Selection]:
    """Selection for as long as the block lasts; what waits is appended at its end."""
    keyring = Keyring.parse(settings.token_secret_keys, strong=settings.env == "prod")
    timeout = settings.request_timeout_ms / 1_000
    ttl = settings.token_ttl_sec
    publisher = RedisStreamPublisher(
        redis, layout, token_ttl_sec=ttl, limit=settings.max_backlog
    )
    counted = CountedPublisher(publisher, counting, appended)
    log = FeedbackLog(counted, layout, settings.max_in_flight, timeout)
    awaiting = Awaiting(AwaitedRewards(redis, layout, settings.max_awaited), ttl)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(log.close)
        journal = await _journal(settings, stack, redis, layout)
        if journal is not None:
            delivers("decision_log", journal)
        delivers("awaited_rewards", awaiting)
        await stack.enter_async_context(awaiting.running())
        rewarding = Rewarding(cache, log, keyring, ttl, awaiting, traceparent)
        mint = Mint(keyring, layout)
        yield Selection(cache, motor, rewarding, mint, counting, journal, awaiting)


async def _journal(
    settings: ProxySettings, stack: AsyncExitStack, redis: RedisClient, layout: Layout
) -> Journal | None:
    if settings.event_log == "off":
        return None
    journal = Journal(Choices(redis, layout, new_chooser(), settings.max_backlog))
    await stack.enter_async_context(journal.running())
    return journal
