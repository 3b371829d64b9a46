"""Trusting the proxy that was just started, and nobody else."""

from __future__ import annotations

import ssl
from pathlib import Path


def trust(certificate: Path) -> ssl.SSLContext:
    """Takes exactly the certificates of a file, whatever they are called.

    A certificate is made out to the name that clients use, seldom to loopback.
    """
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context
