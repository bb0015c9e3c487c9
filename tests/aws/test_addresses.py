"""Where requests go is where botocore's would, except that us-east-1 is a region like any other."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from penstock.runtime_shim.aws.addresses import given_endpoint, s3_url, sts_url

REGIONS = (
    "eu-west-1", "us-west-2", "ap-southeast-2", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1",
    "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1",
)  # fmt: skip


class Sent(Exception):
    """A request was about to be sent; the text is its URL."""


BUCKETS = ("flows", "acme-flows-2026", "with.dots", "Upper_Case")


@pytest.fixture(scope="module")
def address() -> Any:
    """The URL that botocore asks, taken from a request that is not sent."""
    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})

    def ask(service: str, region: str, variants: tuple[bool, bool], call: str, **arguments: Any) -> str:
        fips, dual = variants
        client = session.create_client(
            service,
            region_name=region,
            aws_access_key_id="AKIA1",
            aws_secret_access_key="secret",
            config=Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual),
        )

        def hold(request: Any, **_: Any) -> None:
            raise Sent(request.url)

        client.meta.events.register("before-send", hold)
        with pytest.raises(Sent) as caught:
            getattr(client, call)(**arguments)
        return str(caught.value)

    return ask


VARIANTS = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize("region", REGIONS)
def test_a_bucket_is_where_botocore_looks_for_it(address: Any, region: str) -> None:
    for bucket in BUCKETS:
        theirs = address("s3", region, (False, False), "get_object", Bucket=bucket, Key="k")
        assert s3_url(bucket, region) + "/k" == theirs


@pytest.mark.parametrize("variants", VARIANTS)
@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1"])
def test_fips_and_ipv6_are_asked_where_botocore_asks(address: Any, region: str, variants: tuple[bool, bool]) -> None:
    theirs = address("s3", region, variants, "get_object", Bucket="flows", Key="k")
    assert s3_url("flows", region, "", None, *variants) + "/k" == theirs
    assert sts_url(region, "", *variants) == address("sts", region, variants, "get_caller_identity")


@pytest.mark.parametrize("region", [*REGIONS, "us-east-1"])
def test_the_token_service_is_that_of_the_region(address: Any, region: str) -> None:
    assert sts_url(region) == address("sts", region, (False, False), "get_caller_identity")


def test_the_first_region_is_asked_by_its_name() -> None:
    assert s3_url("flows", "us-east-1") == "https://flows.s3.us-east-1.amazonaws.com"


def test_at_an_endpoint_the_bucket_is_in_the_path() -> None:
    assert s3_url("flows", "eu-west-1", "http://minio:9000/") == "http://minio:9000/flows"
    assert s3_url("flows", "eu-west-1", "http://minio:9000", False) == "http://flows.minio:9000"


def test_the_variable_of_a_service_goes_before_that_of_all() -> None:
    both = {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3"}
    assert given_endpoint("s3", both) == "http://s3"
    assert given_endpoint("sts", both) == "http://all"
    assert given_endpoint("s3", {**both, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}) == ""
