"""Every error qbrix raises on purpose.

QbrixError
├── NotFound                 no such thing
│   ├── PoolNotFound
│   ├── ArmNotFound
│   ├── ExperimentNotFound
│   ├── UserNotFound
│   └── GateNotFound
├── Conflict                 already there, or changed since
│   ├── NameTaken
│   │   └── UserExists
│   ├── GateExists
│   ├── PoolInUse
│   ├── ApiKeyLimitReached
│   └── ExperimentLimitReached
├── Invalid                  the request can never succeed
│   ├── InvalidParams
│   │   └── UnknownPolicy
│   ├── InvalidContext
│   └── InvalidFeedback
│       ├── InvalidToken
│       │   └── TokenExpired
│       └── WindowPassed
├── Unauthenticated          unknown caller
│   ├── InvalidApiKey
│   └── InvalidBearer
├── Denied                   known caller, not allowed
│   ├── InsufficientScopes
│   └── LearnerReadOnly
│       └── LearnerUndeletable
├── Overloaded               more in flight than is allowed; try again
├── Unavailable              a dependency did not answer
│   └── MissingState
└── CorruptState             stored bytes that cannot be what was written

Nothing here knows about a transport. A class's docstring is its default message.
"""

from __future__ import annotations


class QbrixError(Exception):
    """something went wrong"""

    def __init__(self, message: str | None = None, **detail: object) -> None:
        super().__init__(message or self.__doc__)
        self.detail = detail


class NotFound(QbrixError):
    """no such thing"""


class PoolNotFound(NotFound):
    """pool not found"""


class ArmNotFound(NotFound):
    """arm not found"""


class ExperimentNotFound(NotFound):
    """experiment not found"""


class UserNotFound(NotFound):
    """user not found"""


class GateNotFound(NotFound):
    """feature gate not found"""


class Conflict(QbrixError):
    """already there, or changed since it was read"""


class NameTaken(Conflict):
    """this name is taken"""


class UserExists(NameTaken):
    """a user has this address"""


class GateExists(Conflict):
    """the experiment has a feature gate already"""


class PoolInUse(Conflict):
    """the pool is used by experiments"""


class ApiKeyLimitReached(Conflict):
    """the plan allows no more api keys"""


class ExperimentLimitReached(Conflict):
    """the plan allows no more active experiments"""


class Invalid(QbrixError):
    """the request cannot succeed as it stands"""


class InvalidParams(Invalid):
    """policy parameters are not valid"""


class UnknownPolicy(InvalidParams):
    """unknown policy"""


class InvalidContext(Invalid):
    """the context does not fit the experiment"""


class InvalidFeedback(Invalid):
    """the feedback does not fit the experiment"""


class InvalidToken(InvalidFeedback):
    """the request id was not issued here"""


class TokenExpired(InvalidToken):
    """the request id has expired"""


class WindowPassed(InvalidFeedback):
    """the reward window of the selection has passed"""


class Unauthenticated(QbrixError):
    """credentials are missing"""


class InvalidApiKey(Unauthenticated):
    """api key is not valid"""


class InvalidBearer(Unauthenticated):
    """access or refresh token is not valid, or has expired"""


class Denied(QbrixError):
    """not allowed"""


class InsufficientScopes(Denied):
    """the credentials lack a scope this needs"""


class LearnerReadOnly(Denied):
    """the learners of an experiment change with it alone"""


class LearnerUndeletable(LearnerReadOnly):
    """the learners of an experiment are deleted with it alone"""


class Overloaded(QbrixError):
    """too many requests in flight, try again"""


class Unavailable(QbrixError):
    """a service this depends on did not answer"""


class MissingState(Unavailable):
    """the experiment has no stored parameters"""


class CorruptState(QbrixError):
    """stored bytes are damaged or of an unreadable format"""
