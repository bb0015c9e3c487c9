"""Where AWS's services are: the URLs of S3 and STS.

This module is part of the bootstrap's text too (``penstock.compiler.packaging.bootstrap``): no Penstock, and no syntax
newer than 3.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DEFAULT_REGION = "us-east-1"
_PARTITIONS = (
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("", "amazonaws.com", "api.aws"),
)
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")


def given_endpoint(service: str, env: Mapping[str, str]) -> str:
    """The URL that the environment names for ``service`` (``s3``), "" where it names none."""
    if env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ""
    return env.get("AWS_ENDPOINT_URL_" + service.upper()) or env.get("AWS_ENDPOINT_URL") or ""


def s3_url(
    bucket: str, region: str, endpoint: str = "", path: bool | None = None, fips: bool = False, dual: bool = False
) -> str:
    """The URL of a bucket, without a slash at its end.

    At an ``endpoint`` the bucket is the first part of the path, on AWS it is in the host's name where it may be;
    ``path`` says otherwise.  ``fips`` and ``dual`` choose AWS's variants for FIPS 140 and for IPv6.
    """
    base = endpoint.rstrip("/")
    if not base:
        variant = ("s3-fips" if fips else "s3") + (".dualstack" if dual else "")
        base = "https://" + variant + "." + region + "." + _suffixes(region)[0]
    in_path = bool(endpoint) if path is None else path
    # A certificate is for one level of names: with a dot in it, a bucket is no part of an https host.
    if in_path or not _HOST_NAME.match(bucket):
        return base + "/" + bucket
    scheme, _, host = base.partition("://")
    return scheme + "://" + bucket + "." + host


def sts_url(region: str, endpoint: str = "", fips: bool = False, dual: bool = False) -> str:
    """The URL of the Security Token Service."""
    # All of GovCloud's are FIPS 140, under the usual name.
    name = "sts-fips" if fips and (dual or not region.startswith("us-gov-")) else "sts"
    return endpoint or "https://" + name + "." + region + "." + _suffixes(region)[dual] + "/"


def _suffixes(region: str) -> tuple[str, str]:
    """The names of the region's partition: the usual one, and that with IPv6."""
    return next((plain, dual) for start, plain, dual in _PARTITIONS if region.startswith(start))
