"""Parameters of every kind of text, and a step that is tried again."""

from penstock import FlowSpec, JSONType, Parameter, catch, current, retry, step


class LineFlow(FlowSpec):
    word = Parameter("word", default="water")
    levels = Parameter("levels", type=JSONType, default='{"low": 1}')

    @step
    def start(self):
        self.said = f"{self.word} {self.levels}"
        self.next(self.flaky)

    @retry(times=2, minutes_between_retries=0)
    @step
    def flaky(self):
        if current.retry_count < 1:
            raise RuntimeError("not yet")
        self.tried = current.retry_count
        self.next(self.hopeless)

    @catch(var="failure", print_exception=False)
    @step
    def hopeless(self):
        raise ValueError("no hope")
        self.next(self.end)

    @step
    def end(self):
        self.told = self.failure is not None


if __name__ == "__main__":
    LineFlow()
