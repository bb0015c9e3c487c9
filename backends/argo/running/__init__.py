"""The flow on a cluster: its manifests applied, its runs started, listed, followed, ended, and compared.

:mod:`.connection` finds the cluster, :mod:`.cluster` asks its API, :mod:`.answers` makes sentences of what goes wrong
on the way, :mod:`.workflows` reads what Argo says of a run.  kubernetes is imported by :mod:`.sdk` alone.
"""
