from penstock import FlowSpec, schedule, step


@schedule(cron="0 6 L * ? 2030-2035")
class MonthlyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MonthlyFlow()
