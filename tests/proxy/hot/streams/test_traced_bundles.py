"""Selects that are asked for together, each a span of the request they belong to."""

from __future__ import annotations

import pytest
from tests.collector import collecting
from tests.proxy.hot.samples import definition
from tests.proxy.hot.streams.peer import PATIENCE
from tests.proxy.hot.streams.peer import Peer
from tests.proxy.hot.streams.peer import chosen
from tests.proxy.hot.streams.peer import listening

from proxysvc.stream.traced import TracedMotorClient
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixserving.tracing.settings import TracingSettings
from qbrixserving.tracing.tracer import Tracer

PLAIN = definition("BetaTSPolicy", name="plain")
ROOM = 2


@pytest.mark.parametrize("traced", [True, False])
async def test_each_has_a_span_that_tells_how_it_ended(traced: bool) -> None:
    peer = Peer()
    with collecting() as collector:
        settings = TracingSettings(to="otlp", endpoint=collector.url, ratio=1.0)
        tracer = Tracer(settings, "proxy")
        async with listening(peer) as port:
            address = f"127.0.0.1:{port}"
            async with TracedMotorClient([address], ROOM, PATIENCE, tracer) as client:
                line = await peer.line()
                ids = ["a", "b", "beyond"]
                if traced:
                    spans = tracer.provider.get_tracer("test")
                    with spans.start_as_current_span("request"):
                        [bundle] = client.select_many(PLAIN, ids, None)
                else:
                    [bundle] = client.select_many(PLAIN, ids, None)
                frame = await line.read()
                [group] = frame.groups
                assert len(group.traceparents) == ROOM
                assert len(set(group.traceparents) - {""}) == (ROOM if traced else 0)
                answers = chosen(frame)
                refused = answers.groups.add(seqs=[group.seqs[1]], status=3)
                refused.detail = "told so"
                first = answers.groups[0]
                del first.seqs[1], first.arms[1]
                await line.write(AnswerFrame(groups=answers.groups))
                await bundle.future
        tracer.close()
    asked = [span for span in collector.spans if span.name == "ask a motor"]
    if not traced:
        assert not collector.spans
        return
    versions = [str(span.attributes.get("qbrix.param_version")) for span in asked]
    assert sorted(versions) == ["5", "None", "None"]
    request = next(span for span in collector.spans if span.name == "request")
    assert {span.trace for span in asked} == {request.trace}
