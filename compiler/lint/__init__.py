"""The rules a flow has to follow: a small function each, in tuples, so that a new rule is a new entry.

A rule gets what it judges and yields what it finds; none depends on another.  What stands alone (names, arguments,
parameters) is always judged.  The graph rules wait for the transition rules: a graph that misses edges would be
accused of things its author did not do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from penstock.compiler.diagnostics import Diagnostic, has_errors
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.frontend.written import WrittenFlow
from penstock.compiler.lint import arguments, decorators, ends, names, parameters, schedules, shape, transitions

WrittenRule = Callable[[WrittenFlow], Iterator[Diagnostic]]
GraphRule = Callable[[FlowGraph], Iterator[Diagnostic]]

DEFINITION_RULES: tuple[WrittenRule, ...] = (
    names.flow_is_nameable,
    names.well_formed,
    names.not_reserved,
    names.defined_once,
    arguments.self_first,
    arguments.not_too_many,
    arguments.plain_function,
    parameters.usable,
    parameters.attribute_is_free,
    parameters.distinct,
    parameters.default_makes_optional,
    decorators.known,
    decorators.attributes_are_known,
    decorators.values_have_their_type,
    decorators.only_once,
    decorators.values_make_sense,
    decorators.caught_has_a_free_name,
    schedules.one_schedule,
    schedules.cron_is_readable,
    schedules.timezone_is_known,
    decorators.stands_where_it_belongs,
    decorators.added_is_readable,
)
TRANSITION_RULES: tuple[WrittenRule, ...] = (
    ends.has_start,
    ends.has_end,
    ends.end_has_no_next,
    ends.end_is_no_join,
    ends.start_is_no_join,
    transitions.ends_in_next,
    transitions.only_one_next,
    transitions.arms_go_to_one_step,
    transitions.arms_are_complete,
    transitions.has_a_target,
    transitions.targets_are_steps,
    transitions.targets_exist,
    transitions.targets_differ,
    transitions.known_keywords,
    transitions.foreach_is_a_name,
    transitions.foreach_has_one_target,
    transitions.switch_is_complete,
    transitions.join_does_not_split,
)
GRAPH_RULES: tuple[GraphRule, ...] = (
    shape.nothing_leads_to_start,
    shape.no_orphans,
    shape.loops_are_left,
    shape.no_empty_branch,
    shape.nothing_caught_where_the_flow_divides,
)


def lint_written(flow: WrittenFlow) -> tuple[list[Diagnostic], bool]:
    """What the rules find in the source, and whether every step's transition can be made out."""
    remarks = [diagnostic for rule in DEFINITION_RULES for diagnostic in rule(flow)]
    obstacles = [diagnostic for rule in TRANSITION_RULES for diagnostic in rule(flow)]
    return remarks + obstacles, not has_errors(obstacles)


def lint_graph(graph: FlowGraph) -> list[Diagnostic]:
    """What the rules find in a graph whose every edge is known."""
    return [diagnostic for rule in GRAPH_RULES for diagnostic in rule(graph)]
