"""A small search engine over Python's own language reference (the texts behind `help("for")`).

The topics are dealt into shards, one task each, which count their words; the join weighs the words of all shards, and
then there is one task per question.  Try `--queries '["how do I close a file"]'`.
"""

import math
import re
from collections import Counter
from pydoc_data.topics import topics

from penstock import FlowSpec, JSONType, Parameter, step


def words(text):
    """Lower-case words of three letters and more."""
    return re.findall(r"[a-z_]{3,}", text.lower())


class ManualSearchFlow(FlowSpec):
    """Index in shards, search once."""

    shards = Parameter("shards", default=4, help="number of indexing tasks")
    queries = Parameter(
        "queries",
        type=JSONType,
        default='["except clause matching exceptions", "slice of a sequence", "await a coroutine"]',
        help="questions, a JSON list of strings",
    )

    @step
    def start(self):
        """Deal the topics out like cards."""
        names = sorted(topics)
        self.hands = [names[shard :: self.shards] for shard in range(self.shards)]
        self.next(self.index_shard, foreach="hands")

    @step
    def index_shard(self):
        """Count the words of one shard's topics, and in how many topics each occurs."""
        self.counts = {name: Counter(words(topics[name])) for name in self.input}
        self.spread = Counter(word for count in self.counts.values() for word in count)
        self.next(self.combine)

    @step
    def combine(self, inputs):
        """A word that occurs in few topics says more about each of them."""
        self.counts = {name: count for shard in inputs for name, count in shard.counts.items()}
        spread = sum((shard.spread for shard in inputs), Counter())
        self.weight = {word: math.log(len(self.counts) / number) for word, number in spread.items()}
        self.next(self.search)

    @step
    def search(self):
        """One task per question."""
        self.questions = self.queries
        self.next(self.answer, foreach="questions")

    @step
    def answer(self):
        """The three best topics for one question."""
        asked = set(words(self.input)) & set(self.weight)
        scores = {
            name: sum(self.weight[word] * count[word] for word in asked) / math.sqrt(sum(count.values()))
            for name, count in self.counts.items()
        }
        self.question = self.input
        self.best = sorted(scores, key=lambda name: (-scores[name], name))[:3]
        self.next(self.collect)

    @step
    def collect(self, inputs):
        """Answers in the order of the questions."""
        self.answers = {found.question: found.best for found in inputs}
        self.next(self.end)

    @step
    def end(self):
        """Print them."""
        for question, best in self.answers.items():
            print(f"{question}: help({best[0]!r}), also {', '.join(best[1:])}")


if __name__ == "__main__":
    ManualSearchFlow()
