"""The linter of the tests: manifests that are sound, broken one rule at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from argo_lint import lint
from argo_models import model_problems

Object = dict[str, Any]
Change = Callable[[list[Object]], object]

SOUND: list[Object] = [
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "sound"},
        "spec": {
            "entrypoint": "main",
            "onExit": "work",
            "arguments": {"parameters": [{"name": "alpha", "value": "1"}, {"name": "beta"}]},
            "templates": [
                {
                    "name": "main",
                    "dag": {
                        "tasks": [
                            {"name": "first", "template": "work"},
                            {
                                "name": "each",
                                "depends": "first.Succeeded",
                                "template": "work",
                                "withSequence": {"count": "{{tasks.first.outputs.parameters.width}}"},
                                "arguments": {"parameters": [{"name": "item", "value": "{{item}}"}]},
                            },
                            {
                                "name": "last",
                                "depends": "each.AnySucceeded",
                                "templateRef": {"name": "part", "template": "inner"},
                            },
                        ]
                    },
                },
                {
                    "name": "work",
                    "inputs": {"parameters": [{"name": "item", "value": ""}]},
                    "outputs": {"parameters": [{"name": "width", "valueFrom": {"path": "/tmp/width"}}]},
                    "activeDeadlineSeconds": "60",
                    "retryStrategy": {"limit": "1", "retryPolicy": "Always", "backoff": {"duration": "1s"}},
                    "container": {
                        "image": "python",
                        "args": ["{{inputs.parameters.item}}", "{{retries}}", "{{workflow.parameters.alpha}}"],
                        "env": [{"name": "ALL", "value": "{{workflow.parameters}} {{workflow.name}}"}],
                    },
                },
            ],
        },
    },
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "part"},
        "spec": {
            "templates": [
                {
                    "name": "inner",
                    "parallelism": 2,
                    "dag": {"tasks": [{"name": "only", "templateRef": {"name": "sound", "template": "work"}}]},
                }
            ]
        },
    },
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "CronWorkflow",
        "metadata": {"name": "sound"},
        "spec": {
            "schedules": ["0-59/20 6,18 * 1-3 *"],
            "timezone": "Europe/Zurich",
            "concurrencyPolicy": "Forbid",
            "workflowSpec": {"workflowTemplateRef": {"name": "sound"}},
        },
    },
]  # fmt: skip


def template(objects: list[Object], name: str) -> Object:
    found: Object = next(each for whole in objects[:2] for each in whole["spec"]["templates"] if each["name"] == name)
    return found


def task(objects: list[Object], number: int) -> Object:
    found: Object = template(objects, "main")["dag"]["tasks"][number]
    return found


def spec(objects: list[Object], number: int = 0) -> Object:
    found: Object = objects[number]["spec"]
    return found


RULES: dict[str, Change] = {
    "there is no template nowhere": lambda o: spec(o).update(entrypoint="nowhere"),
    "onExit: there is no template gone": lambda o: spec(o).update(onExit="gone"),
    "templates: work stands there twice": lambda o: spec(o)["templates"].append(template(o, "work")),
    "tasks: first stands there twice": lambda o: task(o, 2).update(name="first", depends=""),
    "arguments: alpha stands there twice": lambda o: spec(o)["arguments"]["parameters"].append({"name": "alpha"}),
    "'a b' is no name": lambda o: spec(o)["arguments"]["parameters"][1].update(name="a b"),
    "inputs: item stands there twice": lambda o: template(o, "work")["inputs"]["parameters"].append({"name": "item"}),
    "is of 2 kinds": lambda o: template(o, "work").update(suspend={}),
    "is of 0 kinds": lambda o: template(o, "inner").pop("dag"),
    "has both depends and dependencies": lambda o: task(o, 1).update(dependencies=["first"]),
    "continueOn does not go with depends": lambda o: task(o, 1).update(continueOn={"failed": True}),
    "waits for nobody": lambda o: task(o, 1).update(depends="nobody"),
    "first has no Finished": lambda o: task(o, 1).update(depends="first.Finished"),
    "does not fan out": lambda o: task(o, 1).update(depends="first.AnySucceeded"),
    "wait for each other": lambda o: task(o, 0).update(depends="each"),
    "there is no template sound/nowhere": lambda o: task(o, 0).update(template="nowhere"),
    "there is no template part/nowhere": lambda o: task(o, 2)["templateRef"].update(template="nowhere"),
    "uses no template, or several": lambda o: task(o, 0).update(templateRef={"name": "part", "template": "inner"}),
    "is not given item": lambda o: template(o, "work")["inputs"]["parameters"][0].pop("value"),
    "{{inputs.parameters.path}} stands for nothing": lambda o: task(o, 1).update(
        when="{{inputs.parameters.path}} == 1"
    ),
    "{{workflow.parameters.gamma}} stands for nothing": lambda o: template(o, "work")["container"].update(
        args=["{{workflow.parameters.gamma}}"]
    ),
    "{{workflow.parameters}} stands for nothing": lambda o: spec(o).pop("arguments"),
    "{{retries}} stands for nothing": lambda o: template(o, "work").pop("retryStrategy"),
    "{{item}} stands for nothing": lambda o: task(o, 1).pop("withSequence"),
    "is of no task before it": lambda o: task(o, 0).update(when="{{tasks.last.outputs.parameters.width}} == 1"),
    "first puts out no width": lambda o: template(o, "work").pop("outputs"),
    "fans out in several ways": lambda o: task(o, 1).update(withItems=[1]),
    "has not one of count and end": lambda o: task(o, 1)["withSequence"].update(end="3"),
    "comes from nothing": lambda o: template(o, "work")["outputs"]["parameters"][0].update(
        valueFrom={"parameter": "x"}
    ),
    "parallelism does not belong there": lambda o: template(o, "work").update(parallelism=1),
    "activeDeadlineSeconds does not belong there": lambda o: template(o, "main").update(activeDeadlineSeconds="1"),
    "timeout does not belong there": lambda o: template(o, "main").update(timeout="1s"),
    "retryPolicy cannot be Often": lambda o: template(o, "work")["retryStrategy"].update(retryPolicy="Often"),
    "backoff has no duration": lambda o: template(o, "work")["retryStrategy"].update(backoff={"factor": "2"}),
    "has no image": lambda o: template(o, "work")["container"].update(image=""),
    "its name is none": lambda o: task(o, 0).update(name="a_b"),
    "begins with a digit": lambda o: task(o, 2).update(name="2nd"),
    "or longer than 63": lambda o: o[1]["metadata"].update(name="p" * 64),
    "or longer than 52": lambda o: o[2]["metadata"].update(name="c" * 53),
    "has 6 fields": lambda o: spec(o, 2).update(schedules=["0 * * * * *"]),
    "'60' in": lambda o: spec(o, 2).update(schedules=["60 * * * *"]),
    "'L' in": lambda o: spec(o, 2).update(schedules=["0 0 L * *"]),
    "has no schedules": lambda o: spec(o, 2).pop("schedules"),
    "schedule is gone since 4.0": lambda o: spec(o, 2).update(schedule="0 0 * * *"),
    "there is no time zone Mars": lambda o: spec(o, 2).update(timezone="Mars"),
    "concurrencyPolicy cannot be Some": lambda o: spec(o, 2).update(concurrencyPolicy="Some"),
    "refers to a template that is not there": lambda o: spec(o, 2)["workflowSpec"]["workflowTemplateRef"].update(
        name="gone"
    ),
    "has the version v1": lambda o: o[0].update(apiVersion="v1"),
}


def test_sound_manifests_are_taken() -> None:
    assert lint(SOUND) == []
    assert model_problems(SOUND) == []


@pytest.mark.parametrize("sentence", RULES)
def test_a_rule_that_is_broken_is_told(sentence: str) -> None:
    objects = copy.deepcopy(SOUND)
    RULES[sentence](objects)
    found = lint(objects)
    assert any(sentence in problem for problem in found), found


@pytest.mark.parametrize(
    "change",
    [
        lambda o: spec(o).update(entryPoint="main"),
        lambda o: task(o, 0).update(dependson="x"),
        lambda o: template(o, "work")["container"].update(imagee="x"),
        lambda o: spec(o, 2).update(schedule="0 0 * * *"),
        lambda o: template(o, "work").update(activeDeadlineSeconds=[1]),
    ],
    ids=["spec", "task", "container", "removed in 4.0", "type"],
)
def test_the_models_take_no_field_that_argo_has_not(change: Change) -> None:
    objects = copy.deepcopy(SOUND)
    change(objects)
    assert model_problems(objects)
