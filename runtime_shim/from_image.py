"""The program that a container starts with whose flow file is fetched from a URL: Penstock is the image's own.

A target embeds this file, without comments and docstrings, as ``python -c``
(``penstock.compiler.packaging.program_from_image``).  So it imports nothing of Penstock outside of :func:`main`, and
keeps to the syntax of every Python that an image may have.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Hand over to the image's Penstock, or say that there is none."""
    try:
        from penstock.runtime_shim.code_url import main as run_job
    except (ImportError, SyntaxError) as error:
        python = ".".join(map(str, sys.version_info[:2]))
        image, wanted = os.environ.get("PENSTOCK_IMAGE", ""), os.environ["PENSTOCK_FLOW_SHAPE"].split("/")[0]
        sys.stderr.write(
            f"error[R199]: the image {image} with its Python {python} has no Penstock that fetches flows: {error}\n"
            f"  = help: python -m pip install penstock=={wanted} in the image, or compile without --code-url\n"
        )
        raise SystemExit(202) from None
    sys.exit(run_job())


if __name__ == "__main__":
    main()
