"""Tenants, users, keys, pools and experiments in Postgres."""

from __future__ import annotations
