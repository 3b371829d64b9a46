"""REST: the gates of experiments."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller
from litestar import delete
from litestar import get
from litestar import patch
from litestar import post
from litestar import put
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import JSONBody

from proxysvc.gates.config import GateConfig
from proxysvc.gates.config import GatePatch
from proxysvc.gates.service import GateService
from proxysvc.http.body import StrictJSON
from proxysvc.http.gate_replies import GateEvaluation
from proxysvc.http.gate_replies import GateReply
from proxysvc.http.replies import Message
from qbrixcore.errors import GateNotFound
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ExperimentRecord


class GateEvaluate(msgspec.Struct):
    """A context to try a gate with; the id may be blank."""

    context_id: str
    context_metadata: dict[str, Any] | None = None


class GateController(Controller):
    """Gates of the experiments of the caller's tenant."""

    path = "/gates"
    tags = ("gates",)

    @post("/{experiment_id:str}", dto=StrictJSON[GateConfig], return_dto=None)
    async def create_gate(
        self,
        experiment_id: FromPath[str],
        data: JSONBody[GateConfig],
        gates: NamedDependency[GateService],
        principal: NamedDependency[Principal],
    ) -> GateReply:
        """Give a gate to an experiment that has none."""
        return _shown(await gates.create(principal, experiment_id, data))

    @get("/{experiment_id:str}")
    async def get_gate(
        self,
        experiment_id: FromPath[str],
        gates: NamedDependency[GateService],
        principal: NamedDependency[Principal],
    ) -> GateReply:
        """Get the gate of an experiment."""
        return _shown(await gates.get(principal, experiment_id))

    @put("/{experiment_id:str}", dto=StrictJSON[GateConfig], return_dto=None)
    async def replace_gate(
        self,
        experiment_id: FromPath[str],
        data: JSONBody[GateConfig],
        gates: NamedDependency[GateService],
        principal: NamedDependency[Principal],
    ) -> GateReply:
        """Replace a gate as a whole."""
        return _shown(await gates.replace(principal, experiment_id, data))

    @patch("/{experiment_id:str}", dto=StrictJSON[GatePatch], return_dto=None)
    async def update_gate(
        self,
        experiment_id: FromPath[str],
        data: JSONBody[GatePatch],
        gates: NamedDependency[GateService],
        principal: NamedDependency[Principal],
    ) -> GateReply:
        """Change parts of a gate; null clears, rules are replaced together."""
        return _shown(await gates.update(principal, experiment_id, data))

    @delete("/{experiment_id:str}", status_code=200)
    async def delete_gate(
        self,
        experiment_id: FromPath[str],
        gates: NamedDependency[GateService],
        principal: NamedDependency[Principal],
    ) -> Message:
        """Delete a gate; from then on the bandit decides."""
        await gates.delete(principal, experiment_id)
        return Message(f"gate deleted: {experiment_id}")

    @post(
        "/{experiment_id:str}/evaluate",
        dto=StrictJSON[GateEvaluate],
        return_dto=None,
        status_code=200,
    )
    async def evaluate_gate(
        self,
        experiment_id: FromPath[str],
        data: JSONBody[GateEvaluate],
        gates: NamedDependency[GateService],
        principal: NamedDependency[Principal],
    ) -> GateEvaluation:
        """Say what a select with this context would meet; nothing is stored."""
        evaluation = await gates.evaluate(
            principal, experiment_id, data.context_id, data.context_metadata or {}
        )
        return GateEvaluation.of(evaluation)


def _shown(record: ExperimentRecord) -> GateReply:
    reply = GateReply.of(record)
    if reply is None:
        raise GateNotFound
    return reply
