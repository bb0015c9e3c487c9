"""The program that a bare container starts with: fetches the code package, and hands over to what is in it.

A target embeds this file after the modules of ``runtime_shim/aws`` that it imports, all without comments and
docstrings, as ``python -c`` (``penstock.compiler.packaging.bootstrap``).  So it is small, imports nothing else of
Penstock, and keeps to the syntax of every Python that an image may have.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile

from penstock.runtime_shim.aws.addresses import DEFAULT_REGION, given_endpoint, s3_url, sts_url
from penstock.runtime_shim.aws.given import (
    NoKeys,
    ask,
    container_keys,
    environment_keys,
    error_text,
    role_keys,
    texts_of,
    web_identity_keys,
)
from penstock.runtime_shim.aws.signing import Keys, quoted, signed


def failure(code: str, sentence: str, exit_code: int) -> SystemExit:
    """What to raise, after one sentence for whoever reads the job's log."""
    sys.stderr.write(f"error[{code}]: {sentence}\n")
    return SystemExit(exit_code)


def find_keys(region: str, sts: str) -> Keys:
    """Whose requests these are.  botocore is asked, and installed where the image has none, for what it alone can."""
    env = os.environ
    keys = environment_keys(env)
    if keys:
        return keys
    names = (env.get("AWS_CONFIG_FILE", "~/.aws/config"), env.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
    if not any(os.path.exists(os.path.expanduser(name)) for name in names):
        token, role = env.get("AWS_WEB_IDENTITY_TOKEN_FILE"), env.get("AWS_ROLE_ARN")
        if token and role:
            return web_identity_keys(token, role, env.get("AWS_ROLE_SESSION_NAME", ""), region, sts)
        keys = container_keys(env)
        if keys:
            return keys
    try:
        from botocore.session import get_session
    except ImportError:
        if subprocess.call([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "boto3"]):
            image = env.get("PENSTOCK_IMAGE", "")
            raise failure("R190", f"the image {image} has no boto3, and pip could not install it", 203) from None
        from botocore.session import get_session
    found = get_session().get_credentials()
    if not found:
        raise NoKeys("there are no AWS credentials here")
    access, secret, token = found.get_frozen_credentials()[:3]
    return Keys(access or "", secret or "", token or "")


def fetch(bucket: str, key: str) -> bytes:
    """The object, wherever S3 says its bucket is.  Raises Exception with a text for whoever reads the log."""
    env = os.environ
    region = (
        env.get("METAFLOW_AWS_S3_REGION") or env.get("AWS_DEFAULT_REGION") or env.get("AWS_REGION") or DEFAULT_REGION
    )
    endpoint = env.get("METAFLOW_S3_ENDPOINT_URL") or given_endpoint("s3", env)
    fips, dual = (env.get(f"AWS_USE_{name}_ENDPOINT", "").lower() == "true" for name in ("FIPS", "DUALSTACK"))
    sts = sts_url(region, given_endpoint("sts", env), fips, dual)
    keys = find_keys(region, sts)
    if env.get("METAFLOW_AWS_ARN"):
        keys = role_keys(keys, env["METAFLOW_AWS_ARN"], region, sts)
    for _ in range(2):
        url = s3_url(bucket, region, endpoint, None, fips, dual) + "/" + quoted(key, "/")
        status, headers, body = ask("GET", url, signed("GET", url, {}, hashlib.sha256().hexdigest(), keys, region))
        if status == 200:
            return body
        named = headers.get("x-amz-bucket-region") or texts_of(body).get("Region") or region
        if named == region:
            break
        region = named
    raise NoKeys("S3 answered " + error_text(status, body))


def main() -> None:
    """Unpack into a fresh folder, and run the step from there."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this runs in whatever Python an image has
        version = ".".join(map(str, sys.version_info[:2]))
        image = os.environ.get("PENSTOCK_IMAGE", "")
        raise failure("R195", f"the image {image} has Python {version}, and Penstock needs 3.10 or later", 202)
    sha = os.environ["PENSTOCK_PACKAGE"]
    bucket, _, prefix = os.environ["PENSTOCK_ROOT"][5:].partition("/")
    key = "/".join(filter(None, [prefix.strip("/"), os.environ["PENSTOCK_FLOW"], "data", sha[:2], sha]))
    try:
        stored = fetch(bucket, key)
    except Exception as error:
        raise failure("R191", f"could not fetch the code package s3://{bucket}/{key}: {error}", 203) from None
    try:
        data = gzip.decompress(stored)
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

    sys.exit(run_job())


if __name__ == "__main__":
    main()
