"""REST: starting what an experiment learned anew."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller
from litestar import get
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import JSONBody

from proxysvc.experiments import ExperimentService
from proxysvc.http.body import StrictJSON
from proxysvc.http.replies import ExperimentReply
from qbrixstore.postgres.principal import Principal


class Rollback(msgspec.Struct):
    """Which version to go back to, one of those kept."""

    version: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class VersionReply(msgspec.Struct):
    """What was known at a version, from ``updates`` rewards."""

    version: int
    generation: int
    updates: int
    created_at: datetime


class VersionPage(msgspec.Struct):
    """The kept versions, the newest first."""

    versions: list[VersionReply]


class RestartController(Controller):
    """What was learned, and ways back."""

    path = "/experiments"
    tags = ("experiments",)

    @post("/{experiment_id:str}/reset", status_code=200)
    async def reset_experiment(
        self,
        experiment_id: FromPath[str],
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
    ) -> ExperimentReply:
        """Make a paused experiment forget what it learned.

        Feedback for selections from before is still accepted, and no longer learned.
        """
        record = await experiments.restarts.reset(principal, experiment_id)
        return ExperimentReply.of(record)

    @post(
        "/{experiment_id:str}/rollback",
        status_code=200,
        dto=StrictJSON[Rollback],
        return_dto=None,
    )
    async def rollback_experiment(
        self,
        experiment_id: FromPath[str],
        data: JSONBody[Rollback],
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
    ) -> ExperimentReply:
        """Go back to what an experiment knew at a kept version.

        Feedback for selections from before is still accepted, and no longer learned.
        """
        record = await experiments.restarts.rollback(
            principal, experiment_id, data.version
        )
        return ExperimentReply.of(record)

    @get("/{experiment_id:str}/versions")
    async def list_versions(
        self,
        experiment_id: FromPath[str],
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
    ) -> VersionPage:
        """List the versions of what an experiment learned that can be gone back to."""
        kept = await experiments.restarts.versions(principal, experiment_id)
        return VersionPage(
            [
                VersionReply(one.version, one.generation, one.updates, one.created_at)
                for one in kept
            ]
        )
