"""Credentials are those that botocore finds in the same environment, and are found without it where they can be."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from wire import Answer, Wire

from penstock.runtime_shim.aws import credentials, given
from penstock.runtime_shim.aws.credentials import Credentials, NoKeysAtAll, find_credentials
from penstock.runtime_shim.aws.given import NoKeys, RoleRefused, container_keys
from penstock.runtime_shim.aws.profiles import ProfileUnusable, read_profile
from penstock.runtime_shim.aws.signing import NEVER, Keys

LATER = (datetime.now(timezone.utc) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
STS = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><AssumedRoleUser><Arn>arn:aws:sts::1:a/b</Arn>
<AssumedRoleId>A:b</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
<SecretAccessKey>role/secret+=</SecretAccessKey><SessionToken>role/token+==</SessionToken><Expiration>{1}</Expiration>
</Credentials></{0}Result></{0}Response>"""
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "env-secret"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{token}", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/web"}
POD = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{wire}/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{token}"}
PROCESS = "credential_process = {python} {process}"
SHARED = "[{0}]\naws_access_key_id = AKIASHARED{0}\naws_secret_access_key = shared-secret\n"
CONFIG = "[profile {0}]\naws_access_key_id = AKIACONFIG{0}\naws_secret_access_key = config=secret\n"
ROLE = "role_arn = arn:aws:iam::123456789012:role/other\nsource_profile = source"


@dataclass(frozen=True)
class Place:
    """Variables and files; ``light`` is whether it has to be enough for us without botocore."""

    env: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    shared: str = ""
    light: bool = True


DEV = {"AWS_PROFILE": "dev"}
PLACES = {
    "nowhere": Place(),
    "environment": Place(ENV_KEYS),
    "environment with a token": Place({**ENV_KEYS, "AWS_SESSION_TOKEN": "t/o="}),
    "environment with the token's old name": Place(
        {**ENV_KEYS, "AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old"}
    ),
    "environment without the secret": Place({"AWS_ACCESS_KEY_ID": "AKIAENV"}),
    "environment before profile": Place({**ENV_KEYS, **DEV}, "", SHARED.format("dev")),
    "environment before the profile's role": Place(
        {**ENV_KEYS, **DEV}, f"[profile dev]\n{ROLE}\n", SHARED.format("source")
    ),
    "environment before the container": Place({**ENV_KEYS, **POD}),
    "environment before the cluster": Place({**ENV_KEYS, **WEB}),
    "credentials file": Place({}, "", SHARED.format("default")),
    "credentials file with a token": Place({}, "", SHARED.format("default") + "aws_session_token = abc\n"),
    "credentials file without the secret": Place({}, "", "[default]\naws_access_key_id = A\n"),
    "profile in the credentials file": Place(DEV, "", SHARED.format("default") + SHARED.format("dev")),
    "two variables name a profile": Place(
        {"AWS_PROFILE": "dev", "AWS_DEFAULT_PROFILE": "other"}, "", SHARED.format("dev") + SHARED.format("other")
    ),
    "profile in the config file": Place(DEV, CONFIG.format("dev")),
    "quoted profile": Place({"AWS_PROFILE": "two words"}, CONFIG.format('"two words"')),
    "default in the config file": Place({}, "[default]\naws_access_key_id=AKIADEF\naws_secret_access_key=s\n"),
    "credentials file before config file": Place(DEV, CONFIG.format("dev"), SHARED.format("dev")),
    "cluster": Place(WEB),
    "cluster before credentials file": Place(WEB, "", SHARED.format("default")),
    "cluster named by a profile": Place(
        DEV, "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = {token}\n"
    ),
    "cluster without a role": Place({"AWS_WEB_IDENTITY_TOKEN_FILE": "{token}"}),
    "container": Place(POD),
    "container with a token in a variable": Place(
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{wire}/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "from the file"}
    ),
    "container at a stranger's": Place({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example.com/"}),
    "cluster before container": Place({**POD, **WEB}),
    "credentials file before container": Place(POD, "", SHARED.format("default")),
    "config file before container": Place({**POD, **DEV}, CONFIG.format("dev")),
    "process": Place(DEV, f"[profile dev]\n{PROCESS}\n", light=False),
    "credentials file before process": Place(DEV, f"[profile dev]\n{PROCESS}\n", SHARED.format("dev")),
    "process before config file": Place(DEV, CONFIG.format("dev") + PROCESS, light=False),
    "process before container": Place({**POD, **DEV}, f"[profile dev]\n{PROCESS}\n", light=False),
    "role of a profile": Place(DEV, f"[profile dev]\n{ROLE}\n", SHARED.format("source"), light=False),
    "role of a profile before the cluster": Place(
        {**DEV, **WEB}, f"[profile dev]\n{ROLE}\n", SHARED.format("source"), light=False
    ),
    "single sign-on without a token": Place(
        DEV,
        "[profile dev]\nsso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1\nsso_start_url = https://x\n",
        light=False,
    ),
    "single sign-on before credentials file": Place(
        DEV,
        "[profile dev]\nsso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1\nsso_start_url = https://x\n",
        SHARED.format("dev"),
        light=False,
    ),
    "a profile that is not there": Place(DEV, CONFIG.format("other")),
    "a file that is no INI file": Place({}, "aws_access_key_id = A\n"),
}


@pytest.fixture
def wire() -> Iterator[Wire]:
    """The container's host and the token service in one."""
    wire = Wire()

    def answer(method: str, headers: dict[str, str]) -> Answer:
        if method == "POST":
            action = "AssumeRole" if "Authorization" in headers else "AssumeRoleWithWebIdentity"
            return 200, {"Content-Type": "text/xml"}, STS.format(action, LATER).encode()
        if headers.get("Authorization") not in (None, "from the file"):
            return 401, {}, b""
        found = {"AccessKeyId": "ASIAPOD", "SecretAccessKey": "pod-secret", "Token": "pod-token", "Expiration": LATER}
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

    wire.answer = answer
    yield wire
    wire.close()


@pytest.fixture
def enter(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Place], None]:
    """Makes a place this process's own."""

    def put(place: Place) -> None:
        (tmp_path / "token").write_text("from the file")
        process = {"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": "proc-secret", "SessionToken": "proc"}
        (tmp_path / "process.py").write_text(f"print({json.dumps(json.dumps(process))})")
        named = {
            "token": tmp_path / "token",
            "wire": wire.url,
            "python": sys.executable,
            "process": tmp_path / "process.py",
        }

        def filled(text: str) -> str:
            for name, value in named.items():
                text = text.replace("{" + name + "}", str(value))
            return text

        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", wire.url)
        for name, value in place.env.items():
            monkeypatch.setenv(name, filled(value))
        for variable, text in (("AWS_CONFIG_FILE", place.config), ("AWS_SHARED_CREDENTIALS_FILE", place.shared)):
            if text:
                file = tmp_path / variable.lower()
                file.write_text(filled(text))
                monkeypatch.setenv(variable, str(file))

    return put


def of_botocore() -> Keys | str:
    try:
        session = botocore.session.get_session()
        session.get_config_variable("region")
        session.get_scoped_config()
        found = session.get_credentials()
        if found is None:
            return "none"
        access, secret, token = found.get_frozen_credentials()[:3]
    except (BotoCoreError, ClientError, ValueError):
        return "unusable"
    return Keys(str(access), str(secret), token or "")


def of_ours() -> Keys | str:
    try:
        profile = read_profile(os.environ)
        keys = find_credentials(profile, profile.region, None).keys()
    except NoKeysAtAll:
        return "none"
    except (NoKeys, ProfileUnusable):
        return "unusable"
    return keys._replace(expires=NEVER)


@pytest.mark.parametrize("name", PLACES)
def test_what_is_found_is_what_botocore_finds(
    name: str, enter: Callable[[Place], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PLACES[name]
    enter(place)
    theirs = of_botocore()
    if place.light:
        monkeypatch.setitem(sys.modules, "botocore.session", None)
    assert of_ours() == theirs
    if not place.light and theirs != "unusable":
        monkeypatch.setitem(sys.modules, "botocore.session", None)
        assert of_ours() == "unusable"  # or the table would not say for what botocore is there


def test_the_table_meets_every_way_to_end() -> None:
    assert len(PLACES) > 30
    assert {place.light for place in PLACES.values()} == {True, False}


def expiring(seconds: float, secret: str = "s") -> Keys:
    return Keys("A", secret, "", time.time() + seconds)


def test_keys_are_renewed_before_they_expire() -> None:
    fetched = iter([expiring(credentials.RENEW_SECONDS + 60), expiring(60), expiring(3600, "last")])
    found = Credentials(lambda: next(fetched))
    assert found.keys() is found.keys()
    assert found.known is not None
    found = Credentials(lambda: next(fetched), found.known._replace(expires=time.time() + 1))
    assert found.keys().secret == "s"
    assert found.keys().secret == "last"
    assert found.keys().secret == "last"


def test_keys_that_cannot_be_renewed_do_until_they_expire() -> None:
    def refuse() -> Keys:
        raise NoKeys("not now")

    assert Credentials(refuse, expiring(30)).keys().access == "A"
    with pytest.raises(NoKeys, match="not now"):
        Credentials(refuse, expiring(-1)).keys()


def test_of_many_threads_one_fetches() -> None:
    fetched: list[int] = []

    def fetch() -> Keys:
        fetched.append(1)
        time.sleep(0.05)
        return expiring(3600)

    found = Credentials(fetch)
    threads = [threading.Thread(target=found.keys) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched) == 1


def test_an_assumed_role_is_asked_for_with_the_keys_there_are(enter: Callable[[Place], None], wire: Wire) -> None:
    enter(PLACES["environment with a token"])
    asked: list[dict[str, str]] = []
    answer = wire.answer
    wire.answer = lambda method, headers: (asked.append(headers), answer(method, headers))[1]
    profile = read_profile(os.environ)
    keys = find_credentials(profile, "eu-west-1", "arn:aws:iam::123456789012:role/flows").keys()
    assert (keys.access, keys.secret, keys.token) == ("ASIAROLE", "role/secret+=", "role/token+==")
    assert 5 * 3600 < keys.expires - time.time() < 7 * 3600
    assert "Credential=AKIAENV/" in asked[0]["Authorization"]
    assert asked[0]["X-Amz-Security-Token"] == "t/o="


def test_a_refused_role_is_told_without_secrets(enter: Callable[[Place], None], wire: Wire) -> None:
    enter(PLACES["environment"])
    wire.answer = lambda method, headers: (403, {}, b"<E><Code>AccessDenied</Code><Message>Not you.</Message></E>")
    with pytest.raises(RoleRefused) as caught:
        find_credentials(read_profile(os.environ), "eu-west-1", "arn:aws:iam::1:role/flows").keys()
    assert str(caught.value) == "AccessDenied: Not you"


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/x",
        "http://localhost.example.com/x",
        "http://127.0.0.1.example.com/x",
        "ftp://x/",
        "http://[::2]/",
    ],
)
def test_a_stranger_is_not_asked_for_credentials(url: str) -> None:
    with pytest.raises(NoKeys, match="may not be asked for credentials"):
        container_keys({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})


def test_a_relative_address_cannot_name_another_host() -> None:
    with pytest.raises(NoKeys, match=r"evil\.example may not be asked"):
        container_keys({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@evil.example/x"})


def test_the_token_is_not_taken_elsewhere(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that answers "ask there" is not followed with the token."""
    monkeypatch.setattr(given, "TRIES", 1)
    wire.answer = lambda method, headers: (302, {"Location": f"{wire.url}/elsewhere"}, b"")
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{wire.url}/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret"}
    with pytest.raises(NoKeys, match="answered 302"):
        container_keys(env)
    assert wire.asked == ["GET"]


def test_an_agent_that_is_busy_is_asked_again(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given.random, "random", lambda: 0.01)
    answers = [(500, {}, b""), wire.answer("GET", {})]
    wire.answer = lambda method, headers: answers.pop(0)
    keys = container_keys({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{wire.url}/x"})
    assert keys is not None
    assert keys.access == "ASIAPOD"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"AccessKeyId": "A", "SecretAccessKey": "s"}', b"<html>"])
def test_an_agent_that_answers_something_else_is_told(wire: Wire, body: bytes) -> None:
    wire.answer = lambda method, headers: (200, {}, body)
    with pytest.raises(NoKeys, match="holds no credentials"):
        container_keys({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{wire.url}/x"})
