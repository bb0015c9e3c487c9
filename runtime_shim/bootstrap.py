"""The program that a bare container starts with: fetches the code package, and hands over to what is in it.

A target embeds this file, without its comments and docstrings, as ``python -c``
(``penstock.compiler.packaging.bootstrap``), so it is small, imports nothing of Penstock, and keeps to the syntax of
every Python that an image may have.
"""

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile


def failure(code: str, sentence: str, exit_code: int) -> SystemExit:
    """What to raise, after one sentence for whoever reads the job's log."""
    sys.stderr.write(f"error[{code}]: {sentence}\n")
    return SystemExit(exit_code)


def connect() -> object:
    """A botocore session.  Nothing is installed where the image has botocore: boto3 and penstock bring it."""
    try:
        import botocore.session
    except ImportError:
        if subprocess.call([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "boto3"]):
            image = os.environ.get("PENSTOCK_IMAGE", "")
            raise failure("R190", f"the image {image} has no boto3, and pip could not install it", 203) from None
        import botocore.session
    return botocore.session.get_session()


def fetch(session: object) -> bytes:
    """The stored code package."""
    env = os.environ
    sha = env["PENSTOCK_PACKAGE"]
    bucket, _, prefix = env["PENSTOCK_ROOT"][5:].partition("/")
    key = "/".join(filter(None, [prefix.strip("/"), env["PENSTOCK_FLOW"], "data", sha[:2], sha]))
    try:
        region, endpoint = env.get("METAFLOW_AWS_S3_REGION"), env.get("METAFLOW_S3_ENDPOINT_URL")
        client = session.create_client("s3", region_name=region, endpoint_url=endpoint)  # type: ignore[attr-defined]  # botocore
        found = client.get_object(Bucket=bucket, Key=key)
        return bytes(found["Body"].read())
    except Exception as error:
        raise failure("R191", f"could not fetch the code package s3://{bucket}/{key}: {error}", 203) from None


def main() -> None:
    """Unpack into a fresh folder, and run the step from there."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this runs in whatever Python an image has
        version = ".".join(map(str, sys.version_info[:2]))
        image = os.environ.get("PENSTOCK_IMAGE", "")
        raise failure("R195", f"the image {image} has Python {version}, and Penstock needs 3.10 or later", 202)
    sha = os.environ["PENSTOCK_PACKAGE"]
    session = connect()
    try:
        data = gzip.decompress(fetch(session))
    except (OSError, EOFError, ValueError):
        data = b""
    if hashlib.new("sha1", data, usedforsecurity=False).hexdigest() != sha:
        raise failure("R192", f"the stored code package {sha} is damaged: deploy the flow again", 202)
    folder = tempfile.mkdtemp(prefix="penstock-")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder)  # noqa: S202 - its content has the sha that was compiled
    os.chdir(folder)
    sys.path[0] = folder
    from penstock.runtime_shim.container import main as run_job

    sys.exit(run_job(session))


if __name__ == "__main__":
    main()
