"""What each part asks of the system, as it goes over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import numpy as np

from qbrixcli.demo.audience import Visits
from qbrixcli.demo.log import FEATURES
from qbrixcli.demo.log import ITEMS
from qbrixcli.demo.log import Log
from qbrixcli.demo.part import Part
from qbrixcli.demo.part import Replay
from qbrixcli.demo.part import Visiting
from qbrixcli.demo.resources import Entrant
from qbrixcli.demo.resources import context_schema
from qbrixcli.demo.traffic import connect
from qbrixcli.demo.traffic import drive

ENTRANTS = [Entrant("one", "e1"), Entrant("two", "e2")]
USERS = np.array([[f"{column}{row}" for column in "abcd"] for row in range(6)])


class Recorder:
    """Chooses item ``turn mod 3`` for a visitor and keeps every call."""

    def __init__(self) -> None:
        self.selects: list[dict[str, object]] = []
        self.feedbacks: dict[str, float] = {}

    def answer(self, path: str, body: dict[str, object]) -> tuple[bytes, object]:
        if path.endswith("/feedback"):
            self.feedbacks[str(body["request_id"])] = float(str(body["reward"]))
            return b"201 Created", {"accepted": True}
        self.selects.append(body)
        context = msgspec.convert(body["context"], dict[str, object])
        turn = int(str(context["id"]))
        token = f"{body['experiment_id']}.{turn}"
        return b"200 OK", {"arm": {"index": turn % 3}, "request_id": token}


async def _drive(part: Part) -> Recorder:
    recorder = Recorder()
    async with _listen(recorder) as url, connect(url, "k") as connections:
        await drive(connections, part.turns, len(part.meters), part.take)
    return recorder


@asynccontextmanager
async def _listen(recorder: Recorder) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.partition("content-length: ")[2].split()[0])
                body = msgspec.json.decode(await reader.readexactly(length))
                status, reply = recorder.answer(head.split()[1], body)
                text = msgspec.json.encode(reply)
                writer.write(
                    b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b"
                    % (status, len(text), text)
                )
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_replay_sends_the_logged_click_only_where_the_choice_matches() -> None:
    log = Log(
        items=np.array([0, 2, 2, 0, 0, 2]),
        clicks=np.array([1, 1, 0, 0, 1, 1]),
        users=USERS,
    )
    part = Replay(ENTRANTS, log, 6)
    recorder = await _drive(part)
    assert len(recorder.selects) == 12 and part.pace.count == part.total == 12
    matched = {0: 1.0, 2: 0.0, 3: 0.0, 5: 1.0}
    assert recorder.feedbacks == {
        f"{entrant.experiment}.{turn}": click
        for entrant in ENTRANTS
        for turn, click in matched.items()
    }
    assert part.meters[0].rewards.sum() == 2
    sent = recorder.selects[0]["context"]
    features = dict(zip(FEATURES, ["a0", "b0", "c0", "d0"], strict=True))
    assert sent == {"id": "0", "properties": features}


async def test_every_visit_is_answered_with_a_click_or_none() -> None:
    rates = np.linspace(0.0, 1.0, 6 * ITEMS).reshape(6, ITEMS)
    visits = Visits(users=USERS, rates=rates, luck=np.array([0, 0.9, 0, 0, 1, 0]))
    part = Visiting(ENTRANTS, visits)
    recorder = await _drive(part)
    chosen = [turn % 3 for turn in range(6)]
    np.testing.assert_array_equal(part.expected, [rates[range(6), chosen]] * 2)
    clicks = {turn: float(visits.click(turn, chosen[turn])) for turn in range(6)}
    assert recorder.feedbacks == {
        f"{entrant.experiment}.{turn}": click
        for entrant in ENTRANTS
        for turn, click in clicks.items()
    }
    assert set(clicks.values()) == {0.0, 1.0}


def test_the_schema_is_the_four_features_without_rare_values() -> None:
    users = np.array([["a", "b", "c", "d"]] * 100 + [["x", "b", "c", "d"]] * 99)
    log = Log(np.zeros(199, np.int64), np.zeros(199, np.int64), users)
    schema = context_schema(log)
    assert [feature["name"] for feature in schema] == list(FEATURES)
    assert [feature["values"] for feature in schema] == [["a"], ["b"], ["c"], ["d"]]
    assert {feature["type"] for feature in schema} == {"categorical"}
