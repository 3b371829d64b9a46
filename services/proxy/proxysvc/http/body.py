"""Request bodies: strict JSON, and one shape for what is wrong with them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from typing import Generic
from typing import TypeVar

import msgspec
from litestar.dto import AbstractDTO
from litestar.dto import DTOFieldDefinition
from litestar.typing import FieldDefinition

from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.body import CUT_OFF
from proxysvc.fast.invalid import UNDECODABLE
from proxysvc.fast.invalid import Problem
from proxysvc.fast.invalid import Unprocessable
from proxysvc.fast.invalid import unprocessable
from qbrixcore.errors import Invalid

T = TypeVar("T")


class BadBody(Exception):
    """A body or query that does not decode; ``answer`` is what to send with 422."""

    def __init__(self, answer: Unprocessable) -> None:
        super().__init__("the request does not decode")
        self.answer = answer


def whole(receive: Receive, arrivals: Arrivals) -> Receive:
    """``receive``, but a body that breaks off or is late is the caller's fault.

    It raises Invalid and TooSlow then.
    """
    since = arrivals.now

    async def take() -> Message:
        message = await arrivals.in_time(receive(), since)
        if message["type"] == "http.disconnect":
            raise Invalid(CUT_OFF)
        return message

    return take


def missing_body() -> Unprocessable:
    """The 422 body for a request that should have had one."""
    return Unprocessable([Problem(["body"], "Field required", "missing")])


class StrictJSON(AbstractDTO[T], Generic[T]):
    """Decodes a body straight into its struct, without the framework's coercions."""

    def decode_bytes(self, value: bytes) -> Any:
        """The struct in a body. Raises BadBody."""
        if not value:
            raise BadBody(missing_body())
        try:
            return msgspec.json.decode(value, type=self.model_type)
        except UNDECODABLE as error:
            raise BadBody(unprocessable(error)) from error

    @classmethod
    def create_for_field_definition(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,
        backend_cls: Any = None,
    ) -> None:
        """Nothing to build: the model is the body."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Any:
        """The schema of the model itself."""
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    def generate_field_definitions(
        cls, model_type: type[Any]
    ) -> Generator[DTOFieldDefinition, None, None]:
        """None: fields are not renamed, excluded or marked."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """No: msgspec decodes nested structs."""
        return False
