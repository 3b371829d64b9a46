"""REST: starting what an experiment learned anew."""

from __future__ import annotations

from litestar import Controller
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from proxysvc.experiments import ExperimentService
from proxysvc.http.replies import ExperimentReply
from qbrixstore.postgres.principal import Principal


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
