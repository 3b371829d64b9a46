"""AuthService: users, roles and API keys of a tenant."""

from __future__ import annotations

from proxysvc.accounts.assembly import Accounts
from proxysvc.auth import Authenticator
from proxysvc.grpc.auth_keys import KeyMethods
from proxysvc.grpc.auth_users import AccountMethods
from qbrixproto import auth_pb2_grpc


class AuthServicer(AccountMethods, KeyMethods, auth_pb2_grpc.AuthServiceServicer):
    """Every method of the service. Errors become statuses in the call guard.

    Registering and authenticating need no credentials. What is about all tenants needs
    an operator's, everything else an admin's of the same tenant.
    """

    def __init__(self, authenticator: Authenticator, accounts: Accounts) -> None:
        self.authenticator = authenticator
        self.logins = accounts.logins
        self.users = accounts.users
        self.keys = accounts.keys
        self.operators = accounts.operators
