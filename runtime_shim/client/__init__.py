"""Reads runs that exist, in the configured datastore, whoever made them and on whatever backend.

Everything is read from the datastore's layout: a run of Metaflow's is read like one of ours.
"""

from __future__ import annotations

from penstock.runtime_shim.client.failures import InvalidPathspec, NamespaceMismatch, NotFound
from penstock.runtime_shim.client.namespaces import default_namespace, get_namespace, namespace
from penstock.runtime_shim.client.runs import Flow, Metaflow, Run, Step
from penstock.runtime_shim.client.task import DataArtifact, Task

MetaflowNotFound = NotFound
MetaflowNamespaceMismatch = NamespaceMismatch
MetaflowInvalidPathspec = InvalidPathspec

__all__ = [
    "DataArtifact",
    "Flow",
    "InvalidPathspec",
    "Metaflow",
    "MetaflowInvalidPathspec",
    "MetaflowNamespaceMismatch",
    "MetaflowNotFound",
    "NamespaceMismatch",
    "NotFound",
    "Run",
    "Step",
    "Task",
    "default_namespace",
    "get_namespace",
    "namespace",
]
