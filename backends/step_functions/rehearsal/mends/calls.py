"""How the interpreter calls other services, and how it names their errors."""

from __future__ import annotations

import datetime
import functools
import threading
from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings
from penstock.backends.step_functions.rehearsal.mends.replacing import replace_everywhere


def casing(_: Surroundings) -> None:
    """Task parameters are written ``JobName``, Batch's model says ``jobName``; results come back the other way round.

    moto left both translations out (getmoto/moto#10076), so that a Batch task dies of ``States.Runtime 'JobName'``.
    The translation of results also reads the ``Body`` stream of S3's getObject into text.
    """
    import botocore.session
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service as service
    from moto.stepfunctions.parser.utils import camel_to_snake_case

    session = botocore.session.Session()

    @functools.cache
    def operations(name: str) -> dict[str, Any]:
        model = session.get_service_model(name)
        return {camel_to_snake_case(each): model.operation_model(each) for each in model.operation_names}

    def operation(task: Any, service_name: str | None, action: str | None) -> Any:
        return operations(task._get_boto_service_name(service_name)).get(task._get_boto_service_action(action))

    def normalise_parameters(
        self: Any,
        parameters: dict[str, Any],
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        called = operation(self, boto_service_name, service_action_name)
        if called is not None and called.input_shape is not None:
            self._to_boto_request(parameters, called.input_shape)

    def normalise_response(
        self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
    ) -> None:
        called = operation(self, boto_service_name, service_action_name)
        if called is not None and called.output_shape is not None:
            self._from_boto_response(response, called.output_shape)

    service.StateTaskService._normalise_parameters = normalise_parameters
    service.StateTaskService._normalise_response = normalise_response


def clients(surroundings: Surroundings) -> None:
    """moto makes a new client for every call, on ``localhost`` and with made-up credentials, from many threads.

    Making a client takes milliseconds and the default session is not safe to share between threads; ours are made once,
    under a lock, and carry the rehearsal's secret.
    """
    import botocore.session
    from botocore.config import Config
    from moto.stepfunctions.parser.asl.utils import boto_client

    session = botocore.session.Session()
    lock = threading.Lock()
    made: dict[tuple[str, str], Any] = {}
    settings = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        connect_timeout=60,
        read_timeout=900,
        max_pool_connections=64,
        proxies={},
        s3={"addressing_style": "path"},
    )

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        del state_credentials  # roles are not enforced in a rehearsal
        with lock:
            client = made.get((region, service))
            if client is None:
                client = made[(region, service)] = session.create_client(
                    service,
                    region_name=region,
                    endpoint_url=surroundings.endpoint,
                    aws_access_key_id=surroundings.options.secret,
                    aws_secret_access_key=surroundings.options.secret,
                    config=settings,
                )
            return client

    replace_everywhere(boto_client.boto_client_for, client_for)


def plain_results(_: Surroundings) -> None:
    """A task's result is JSON: AWS writes timestamps as text; moto keeps datetimes, which break the output later on."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service as service

    original = service.StateTaskService._from_boto_response_value

    def plain(value: Any) -> Any:
        if isinstance(value, datetime.datetime):
            return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return original(value)

    service.StateTaskService._from_boto_response_value = staticmethod(plain)


def service_error_names(_: Surroundings) -> None:
    """AWS names errors of SDK integrations after the service: ``S3.NoSuchKeyException``; moto writes ``s3.``."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk

    sdk._SERVICE_ERROR_NAMES.update(s3="S3", batch="Batch")


MENDS: tuple[Callable[[Surroundings], None], ...] = (casing, clients, plain_results, service_error_names)
