"""Starts the proxy: ``python -m proxysvc``."""

from __future__ import annotations

from proxysvc.main import main

if __name__ == "__main__":
    main()
