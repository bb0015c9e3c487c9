"""The compiled workflow on this machine: read from its manifests, run by the controller's rules, pods as processes.

:mod:`.reading` makes a :mod:`.document` of the YAML and :mod:`.checks` holds what Argo demands of it;
:mod:`.interpreter` runs it, with :mod:`.substitution` and :mod:`.expressions` for what stands in braces and conditions,
:mod:`.dependencies` for what follows what, and :mod:`.pods` for what a pod and its retries are.
:mod:`.rehearsing` does one rehearsal, and :mod:`.commands` is `argo-workflows rehearse`.

Written from Argo's documentation and sources (3.7 and 4.1), never from what Penstock's own lowering needs.  Where the
versions differ, the stricter one is held.  Not held: what a pod has from its cluster (secrets, volumes, nodes, memory).
"""
