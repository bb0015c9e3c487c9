"""What the API server of Kubeflow Pipelines asks of a request.

Bodies hold fields of ``kfp_server_api``'s models and no others, as the gateway demands; a pipeline parses strictly into
its protobuf message; parameters have the types that its root declares (``NewV2SpecTemplate`` and
``validatePipelineJobInputs`` of the real server).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import kfp_server_api
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

INVALID, NOT_FOUND, UNAUTHENTICATED, DENIED, INTERNAL = 3, 5, 16, 7, 13
_STATUS = {INVALID: 400, NOT_FOUND: 404, UNAUTHENTICATED: 401, DENIED: 403, INTERNAL: 500}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


class Refusal(Exception):
    """An answer that is an error, as the gateway words it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.status = _STATUS[code]
        self.body = {"error": message, "code": code, "message": message, "details": []}


def check_cron(text: str) -> None:
    """Raise Refusal for what the library behind KFP's schedules (robfig/cron, six fields) cannot read."""
    ranges = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    fields = text.split()
    if len(fields) != len(ranges):
        raise Refusal(INVALID, f"Schedule cron is not a supported format: Expected 6 fields, found {len(fields)}")
    for words, (low, high) in zip(fields, ranges, strict=True):
        for word in words.split(","):
            stretch, slash, step = word.partition("/")
            first, dash, last = stretch.partition("-")
            if stretch not in ("*", "?"):
                numbers = [int(number) for number in ([first, last] if dash else [first]) if number.isdigit()]
                if len(numbers) != 1 + bool(dash) or not low <= numbers[0] <= numbers[-1] <= high:
                    raise Refusal(INVALID, f"Schedule cron is not a supported format: {word}")
            if slash and not (step.isdigit() and int(step) > 0):
                raise Refusal(INVALID, f"Schedule cron is not a supported format: {word}")


def check_pipeline(given: Any) -> None:
    """What NewV2SpecTemplate and validatePipelineJobInputs of the real server ask."""
    document = given.pipeline_spec or {}
    spec = document.get("pipeline_spec", document)
    platform = document.get("platform_spec", {})
    if spec is not document and set(document) - {"pipeline_spec", "platform_spec"}:
        raise Refusal(INVALID, "a pipeline spec with a platform holds pipeline_spec and platform_spec alone")
    try:
        parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    except json_format.ParseError as error:
        raise Refusal(INVALID, f"invalid v2 pipeline spec: {error}") from None
    if parsed.schema_version != "2.1.0":
        raise Refusal(INVALID, "KFP only supports schema version 2.1.0")
    if not _NAME.match(parsed.pipeline_info.name):
        raise Refusal(INVALID, "invalid v2 pipeline spec: name should consist of lower case alphanumeric characters")
    if not parsed.root.dag.tasks:
        raise Refusal(INVALID, "DAG root must contain one or more non-exit tasks")
    values = (given.runtime_config.parameters if given.runtime_config else None) or {}
    _check_parameters(values, parsed.root.input_definitions.parameters)


def _check_parameters(values: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    kinds: Mapping[str, tuple[type, ...]] = {
        "NUMBER_DOUBLE": (int, float), "NUMBER_INTEGER": (int, float), "STRING": (str,), "BOOLEAN": (bool,),
        "LIST": (list,), "STRUCT": (dict,),
    }  # fmt: skip
    for name, parameter in declared.items():
        if name not in values:
            if not parameter.is_optional and not parameter.HasField("default_value"):
                message = f"parameter {name} is not optional, yet has neither default value nor user provided value"
                raise Refusal(INVALID, message)
            continue
        kind = pipeline_spec_pb2.ParameterType.ParameterTypeEnum.Name(parameter.parameter_type)
        if not isinstance(values[name], kinds[kind]) or (isinstance(values[name], bool) and kind != "BOOLEAN"):
            raise Refusal(INVALID, f"input parameter {name} requires type {kind}")
    extra = set(values) - set(declared)
    if extra:
        raise Refusal(INVALID, f"parameter(s) provided are not required by pipeline: {', '.join(sorted(extra))}")


def read_model(body: Any, name: str) -> Any:
    """The body as a model.

    Raises Refusal for a field that the model does not have, or a value of another type.
    """
    if not isinstance(body, dict):
        raise Refusal(INVALID, f"proto: syntax error: {name} is no object")
    _check(body, name, name)
    return kfp_server_api.ApiClient()._ApiClient__deserialize(body, name)


def _check(value: Any, kind: str, place: str) -> None:
    if kind.startswith("list["):
        if not isinstance(value, list):
            raise Refusal(INVALID, f"proto: {place} is no list")
        for each in value:
            _check(each, kind[5:-1], place)
    elif kind.startswith("dict("):
        if not isinstance(value, dict):
            raise Refusal(INVALID, f"proto: {place} is no object")
        for each in value.values():
            _check(each, kind[5:-1].split(", ")[1], place)
    elif kind in ("str", "int"):  # 64-bit integers are texts in the model, and taken as numbers too
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise Refusal(INVALID, f"proto: invalid value for {place}")
    elif kind == "bool":
        if not isinstance(value, bool):
            raise Refusal(INVALID, f"proto: invalid value for {place}")
    elif kind == "datetime":
        datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    elif kind != "object":
        check_fields(value, getattr(kfp_server_api, kind), place)


def check_fields(value: Any, model: Any, place: str) -> None:
    if not model.openapi_types:  # an enumeration
        if value not in model.allowable_values:
            raise Refusal(INVALID, f"proto: invalid value for enum field {place}: {value!r}")
        return
    if not isinstance(value, dict):
        raise Refusal(INVALID, f"proto: {place} is no object")
    names = {json_name: attribute for attribute, json_name in model.attribute_map.items()}
    for key, each in value.items():
        if key not in names:
            raise Refusal(INVALID, f'proto: (line 1:2): unknown field "{key}" of {place}')
        _check(each, model.openapi_types[names[key]], f"{place}.{key}")


def check_query(query: Mapping[str, str], known: set[str]) -> None:
    unknown = set(query) - known
    if unknown:
        raise Refusal(INVALID, f"unknown query parameter {', '.join(sorted(unknown))}")


def filtered(found: Sequence[Any], query: Mapping[str, str]) -> list[Any]:
    """Those for which every predicate of the filter is true: EQUALS on a text is what there is."""
    if not query.get("filter"):
        return list(found)
    try:
        document = json.loads(query["filter"])
        ((predicate,),) = document.values()
        names = {re.sub("([A-Z])", lambda letter: "_" + letter[0].lower(), key): key for key in predicate}
        check_fields({name: predicate[key] for name, key in names.items() if name != "operation"},
                      kfp_server_api.V2beta1Predicate, "filter")  # fmt: skip
        if list(document) != ["predicates"] or predicate["operation"] not in (1, "EQUALS"):
            raise ValueError
        key, wanted = predicate["key"], predicate[names["string_value"]]
    except (ValueError, KeyError, TypeError):
        raise Refusal(INVALID, "Invalid input error: failed to parse valid filter") from None
    return [each for each in found if getattr(each, key) == wanted]


def page_of(found: Sequence[Any], query: Mapping[str, str]) -> tuple[list[Any], str | None]:
    """One page, sorted, and the token of the next."""
    key, _, order = query.get("sort_by", "").partition(" ")
    if (key or "created_at") not in ("created_at", "display_name") or order not in ("", "asc", "desc"):
        raise Refusal(INVALID, f"Invalid input error: Invalid sorting field: {key!r} {order}")
    listed = sorted(found, key=lambda each: getattr(each, key or "created_at"), reverse=order == "desc")
    size, begin = int(query.get("page_size") or 20), int(query.get("page_token") or 0)
    if not 0 < size <= 200:
        raise Refusal(INVALID, "Invalid input error: The page size should be between 1 and 200.")
    return listed[begin : begin + size], str(begin + size) if begin + size < len(listed) else None
