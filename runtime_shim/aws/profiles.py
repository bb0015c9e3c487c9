"""The AWS CLI's files and variables, as far as requests to S3 depend on them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.runtime_shim.aws.addresses import DEFAULT_REGION, given_endpoint

Section = dict[str, Any]
"""Values of a section; an indented block is a mapping of its own."""


class ProfileUnusable(Exception):
    """The profile that AWS_PROFILE names does not exist, or a file cannot be read; the text says which."""


class AwsProfile(NamedTuple):
    """``settings`` is the chosen profile with the credentials file's values over the config file's; ``shared`` is its
    section of the credentials file, ``config`` that of the config file; ``services`` are its ``services`` blocks.
    """

    env: Mapping[str, str]
    name: str
    settings: Section
    shared: Section
    config: Section
    services: Section

    @property
    def region(self) -> str:
        """As botocore finds it; then what containers on AWS are told; then us-east-1."""
        chosen = self.env.get("AWS_DEFAULT_REGION") or self.settings.get("region") or self.env.get("AWS_REGION")
        return chosen or DEFAULT_REGION

    def endpoint(self, service: str) -> str:
        """The URL that variables or the profile name for a service (``s3``), "" where none does."""
        if self.switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"):
            return ""
        block = self.services.get(service)
        own = block.get("endpoint_url") if isinstance(block, dict) else ""
        return given_endpoint(service, self.env) or own or self.settings.get("endpoint_url") or ""

    def switch(self, variable: str, name: str) -> bool:
        """Whether a setting is on, in the variable or else in the profile."""
        value = self.env.get(variable) or self.settings.get(name) or ""
        return str(value).lower() == "true"

    @property
    def variants(self) -> tuple[bool, bool]:
        """Whether AWS's FIPS endpoints are wanted, and whether those with IPv6."""
        return (
            self.switch("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
            self.switch("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        )

    @property
    def path_style(self) -> bool | None:
        """Where the profile wants S3's bucket: in the path, in the host's name, or (None) where it usually is."""
        block = self.settings.get("s3")
        style = block.get("addressing_style") if isinstance(block, dict) else None
        return {"path": True, "virtual": False}.get(str(style))

    @property
    def ca_bundle(self) -> str | None:
        """The file of certificates to trust instead of the system's."""
        return self.env.get("AWS_CA_BUNDLE") or self.settings.get("ca_bundle") or None


def config_files(env: Mapping[str, str]) -> tuple[str, str]:
    """The paths of the config file and of the credentials file, whether they are there or not."""
    config = env.get("AWS_CONFIG_FILE", "~/.aws/config")
    shared = env.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    return os.path.expanduser(os.path.expandvars(config)), os.path.expanduser(os.path.expandvars(shared))


def read_profile(env: Mapping[str, str]) -> AwsProfile:
    """The profile that ``env`` chooses; an empty one of an empty ``env``, whatever files there are.

    Raises ProfileUnusable.
    """
    name = env.get("AWS_DEFAULT_PROFILE") or env.get("AWS_PROFILE")
    sections, shared = (_sections(path) for path in config_files(env)) if env else ({}, {})
    profiles = _named(sections, "profile")
    if "default" in sections:
        profiles["default"] = sections["default"]
    if name and name not in profiles and name not in shared:
        raise ProfileUnusable(f"The config profile ({name}) could not be found")
    chosen = name or "default"
    config, own = profiles.get(chosen, {}), shared.get(chosen, {})
    settings = {**config, **own}
    services = _named(sections, "services").get(str(settings.get("services")), {})
    return AwsProfile(env, chosen, settings, own, config, services)


def _sections(path: str) -> dict[str, Section]:
    """The sections of an INI file; none where there is no such file."""
    if not os.path.isfile(path):
        return {}
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read([path])
        return {name: {key: _value(text) for key, text in parser.items(name)} for name in parser.sections()}
    except (configparser.Error, UnicodeDecodeError, ValueError):
        raise ProfileUnusable(f"Unable to parse config file: {path}") from None
    except OSError as error:
        raise ProfileUnusable(f"{path} cannot be read: {error.strerror}") from None


def _value(text: str) -> str | dict[str, str]:
    """A value, or an indented block of them.  Raises ValueError."""
    if not text.startswith("\n"):
        return text
    pairs = (line.split("=", 1) for line in text.splitlines() if line.strip())
    return {key.strip(): value.strip() for key, value in pairs}


def _named(sections: Mapping[str, Section], kind: str) -> dict[str, Section]:
    """The sections ``[kind name]`` by name."""
    import shlex

    found = {}
    for title, section in sections.items():
        if title.startswith(kind):
            try:
                parts = shlex.split(title)
            except ValueError:
                continue
            if len(parts) == 2:
                found[parts[1]] = section
    return found
