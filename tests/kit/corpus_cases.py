"""The corpus as the conformance suite takes it."""

from __future__ import annotations

from corpus_flows import CORPUS

from penstock.backends.conformance import FlowCase

CASES = tuple(FlowCase(each.name, each.file, each.flow, each.parameters, each.fails_at) for each in CORPUS)
