"""`current` names the running task: flow, step, task, path, attempt and parameters."""

from penstock import FlowSpec, Parameter, current, step

EXPECTED = {
    "start/t": {
        "names": {"flow": "CurrentUseFlow", "step": "start", "task": "t", "retry": 0, "parameters": ["level"]},
        "running": True,
        "tail": "/start/t",
    },
    "work/t.1": {
        "names": {"flow": "CurrentUseFlow", "step": "work", "task": "t.1", "retry": 0, "parameters": ["level"]},
        "running": True,
        "tail": "/work/t.1",
    },
    "end/t": {"origin": None, "same_run": True},
}


def names():
    """What does not differ from run to run."""
    return {
        "flow": current.flow_name,
        "step": current.step_name,
        "task": current.task_id,
        "retry": current.retry_count,
        "parameters": list(current.parameter_names),
    }


def tail():
    """The path specification without flow and run."""
    flow, run, rest = current.pathspec.split("/", 2)
    assert (flow, run) == (current.flow_name, current.run_id)
    return f"/{rest}"


class CurrentUseFlow(FlowSpec):
    level = Parameter("level", default=1)

    @step
    def start(self):
        self.names, self.running, self.tail = names(), current.is_running_flow, tail()
        self.items = ["a", "b"]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.names, self.running, self.tail = names(), current.is_running_flow, tail()
        self.run_ids = [current.run_id]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.same_run = {task.run_ids[0] for task in inputs} == {current.run_id}
        self.next(self.end)

    @step
    def end(self):
        assert current.username
        assert current.namespace is None or isinstance(current.namespace, str)
        self.origin = current.origin_run_id


if __name__ == "__main__":
    CurrentUseFlow()
