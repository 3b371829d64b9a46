"""Starts an image without any engine: its own files read-only, its own user.

It shares the network of this machine, so what the image listens on can be reached, and
the stores of the tests too. Root is needed, for the mounts.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# the kernel's folders, and one that may be written to, as the deployments mount it
MOUNTS = """
set -e
mount --bind {root} {root}
mount -o remount,bind,ro {root}
mount -t tmpfs -o mode=1777 tmpfs {root}/tmp
mount --rbind /proc {root}/proc
mount --rbind /dev {root}/dev
{more}
cd /
exec chroot --userspec={user} {root} env -i {command}
"""


class Image:
    """A built image, as ``buildah`` has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        told = json.loads(buildah("inspect", "--type", "image", name))
        self.config: dict[str, Any] = told["Docker"]["config"]
        self._container = buildah("from", "--pull-never", name)
        self.root = Path(buildah("mount", self._container))

    def close(self) -> None:
        """Forget the files that were unpacked."""
        buildah("umount", self._container)
        buildah("rm", self._container)

    def command(
        self, arguments: Sequence[str], variables: Mapping[str, str], more: str
    ) -> str:
        """For a shell: the entry point with these arguments, or with the image's."""
        entry = self.config.get("Entrypoint") or []
        given = [f"{name}={value}" for name, value in variables.items()]
        words = [
            *self.config["Env"],
            *given,
            *entry,
            *(arguments or self.config["Cmd"]),
        ]
        return MOUNTS.format(
            root=shlex.quote(str(self.root)),
            more=more.format(root=shlex.quote(str(self.root))),
            user=self.config["User"],
            command=shlex.join(words),
        )

    def start(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        log: Path | None = None,
        more: str = "",
    ) -> subprocess.Popen[str]:
        """A process in it, which gets the signals that its container would get.

        ``more`` is done to its files before, in a shell, with their ``{root}``.
        """
        script = self.command(arguments, variables or {}, more)
        with (log or Path("/dev/null")).open("w") as file:
            return subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=file if log else subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def run(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        more: str = "",
    ) -> str:
        """What a command printed that ends by itself, with success."""
        process = self.start(*arguments, variables=variables, more=more)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        return said

    def healthy(self, variables: Mapping[str, str]) -> bool:
        """Whether its health check passes now."""
        kind, *check = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        process = self.start(*check, variables=variables)
        process.communicate(timeout=30)
        return process.returncode == 0


def buildah(*arguments: str) -> str:
    """What it printed."""
    ran = subprocess.run(["buildah", *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()
