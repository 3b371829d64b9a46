"""One stream to one motor, opened again whenever it breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any
from typing import Final

import grpc

from proxysvc.stream.bundle import MOST_TOGETHER
from proxysvc.stream.bundle import Bundle
from proxysvc.stream.frames import MAX_BYTES
from proxysvc.stream.frames import MAX_ITEMS
from proxysvc.stream.frames import Pick
from proxysvc.stream.frames import pack
from proxysvc.stream.frames import refuse
from proxysvc.stream.frames import settle
from proxysvc.stream.frames import unanswered
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixproto.common_pb2 import HealthCheckRequest
from qbrixproto.common_pb2 import HealthCheckResponse
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2_grpc import MotorServiceStub
from qbrixserving.background import cancelled
from qbrixserving.background import watched

logger = get_logger(__name__)

PATH: Final = "/qbrix.motor.MotorService/SelectStream"
WINDOW: Final = 1  # frames on the way; measured in docs/decisions/frames-on-the-way.md
FIRST_PAUSE: Final = 0.02  # seconds before the first attempt to open a stream again
LONGEST_PAUSE: Final = 1.0

_END: Final[Any] = grpc.aio.EOF  # type: ignore[attr-defined]

OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
)


class Link:
    """Selects waiting for one motor and selects it has not answered yet.

    Whatever waits when the stream is writable goes out as one frame: nothing waits for
    a timer, and a busy stream makes its own batches. What a broken stream left without
    an answer waits for the next one, unless ``changed``, which is called whenever the
    stream opens, breaks or is heard again, finds it another way.
    """

    def __init__(self, address: str, changed: Callable[[], None]) -> None:
        self.address = address
        self.connected = False
        self.silent = False
        self.tried = asyncio.Event()  # the stream stood once, or could not be opened
        self._changed = changed
        self._channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self._open: Any = self._channel.stream_stream(
            PATH,
            request_serializer=SelectFrame.SerializeToString,
            response_deserializer=AnswerFrame.FromString,
        )
        self._health: Any = MotorServiceStub(self._channel).Health
        self._waiting: list[Pick | Bundle] = []
        self._items = 0  # selects that wait
        self._sent: dict[int, Pick | Bundle] = {}
        self._writable: asyncio.Future[None] | None = None
        self._frames = self._received = 0
        self._sent_at = 0.0
        self._task = watched(self._run(), f"the stream to {address}")

    @property
    def load(self) -> int:
        """Selects that wait or are unanswered."""
        return self._items + len(self._sent)

    @property
    def well(self) -> bool:
        """Whether selects sent now are likely to be answered."""
        return self.connected and not self.silent

    def put(self, pick: Pick | Bundle) -> None:
        """Send a select, or several, with the next frame."""
        self._waiting.append(pick)
        self._items += pick.items
        if self._on_the_way < WINDOW:
            self._wake()

    def expire(self, now: float) -> None:
        """Answer with Unavailable what is past its deadline."""
        late = {seq: x for seq, x in self._sent.items() if x.deadline <= now}
        for seq in late:
            del self._sent[seq]
        held = [pick for pick in self._waiting if pick.deadline <= now]
        if held:
            self._waiting = [pick for pick in self._waiting if pick.deadline > now]
            self._items -= sum(pick.items for pick in held)
        reason = "did not answer in time" if self.connected else "cannot be reached"
        for pick in (*unanswered(late), *held):
            refuse(pick, Unavailable(f"the motor {reason}"))

    def surrender(self) -> list[Pick | Bundle]:
        """Everything unanswered, for another motor to answer."""
        picks = [*unanswered(self._sent), *self._waiting]
        self._sent, self._waiting, self._items = {}, [], 0
        return picks

    def falls_silent(self, before: float) -> bool:
        """Whether a frame sent ``before`` is still unread, which is new.

        A motor tells at once that it has read a frame, however long the answers take.
        """
        if self.silent or not self.connected or self._on_the_way < WINDOW:
            return False
        self.silent = self._sent_at < before
        return self.silent

    async def answers(self, patience: float) -> bool:
        """Whether the motor says that it takes selects."""
        try:
            answer = await self._health(HealthCheckRequest(), timeout=patience)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """End the stream; what is unanswered becomes Unavailable."""
        await cancelled(self._task)
        await self._channel.close(None)
        for pick in self.surrender():
            refuse(pick, Unavailable("the proxy is stopping"))

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        pause = FIRST_PAUSE
        task = asyncio.current_task()
        assert task is not None
        while True:
            start = clock()
            try:
                await self._converse()
            except grpc.aio.AioRpcError as error:
                # the first failure of a row is news, the others are not
                if self.connected or pause == FIRST_PAUSE:
                    logger.warning("no stream to %s: %s", self.address, error.code())
            except Exception:
                logger.exception("stream to %s failed", self.address)
            lasted = clock() - start if self.connected else 0.0
            self._disconnect()
            if task.cancelling():
                # grpc swallowed it: the call had failed at the same moment
                return
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            stable = lasted >= LONGEST_PAUSE
            pause = FIRST_PAUSE if stable else min(2 * pause, LONGEST_PAUSE)

    async def _converse(self) -> None:
        """Carry frames both ways until the motor or the connection ends the stream."""
        call = self._open()
        try:
            if await call.read() is _END:
                return
            self.connected = True
            self.tried.set()
            logger.info("stream to %s is open", self.address)
            self._changed()
            tasks = [
                asyncio.create_task(self._read(call)),
                asyncio.create_task(self._write(call)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ends = await _end(tasks)
            for end in ends:
                # reading a call that was cut off here looks like a cancellation
                if isinstance(end, Exception):
                    raise end
        finally:
            call.cancel()

    async def _read(self, call: Any) -> None:
        while (frame := await call.read()) is not _END:
            self._received = frame.received
            if self.silent:
                self.silent = False
                self._changed()
            # first, so that the motor works while the answers are passed on
            if self._waiting:
                self._wake()
            settle(frame, self._sent)
        logger.info("stream to %s was ended by the motor", self.address)

    async def _write(self, call: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting or self._on_the_way >= WINDOW:
                self._writable = loop.create_future()
                await self._writable
                continue
            picks = [pick for pick in self._take() if not pick.future.done()]
            if picks:
                for pick in picks:
                    if isinstance(pick, Pick):
                        self._sent[pick.seq] = pick
                    else:
                        self._sent.update(dict.fromkeys(pick.open, pick))
                self._frames += 1
                now = self._sent_at = loop.time()
                try:
                    await call.write(pack(picks, now))
                except asyncio.InvalidStateError:
                    # the motor has ended the stream; nobody has read that yet
                    return

    @property
    def _on_the_way(self) -> int:
        return self._frames - self._received

    def _wake(self) -> None:
        writable = self._writable
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _take(self) -> list[Pick | Bundle]:
        """The waiting selects that fit one frame, oldest first."""
        waiting = self._waiting
        if self._items <= MOST_TOGETHER:
            self._waiting, self._items = [], 0
            return waiting
        count = items = size = 0
        for pick in waiting:
            size += pick.size
            if count and (size > MAX_BYTES or items + pick.items > MAX_ITEMS):
                break
            items += pick.items
            count += 1
        self._waiting = waiting[count:]
        self._items -= items
        return waiting[:count]

    def _disconnect(self) -> None:
        self.connected = self.silent = False
        self.tried.set()
        self._writable = None
        self._frames = self._received = 0
        for pick in self.surrender():
            self.put(pick)
        self._changed()


async def _end(tasks: list[asyncio.Task[None]]) -> list[BaseException | None]:
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)
