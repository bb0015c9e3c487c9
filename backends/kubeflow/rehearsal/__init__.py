"""The compiled pipeline on this machine: read from its file, run by the backend's rules, its containers as processes.

:mod:`.reading` makes a :mod:`.document` of the YAML and :mod:`.checks` holds what the backend demands of it;
:mod:`.interpreter` runs it, with :mod:`.inputs` and :mod:`.conditions` as the driver and :mod:`.pods` as the launcher.
:mod:`.rehearsing` does one rehearsal, :mod:`.kfp_local` is the SDK's own runner in the interpreter's place, given
what :mod:`.adapting` makes of the document, and
:mod:`.commands` is `kfp rehearse`.

Held: names, types, conditions, what follows a skipped task, parallelism of loops, retries outside of loops only,
placeholders, outputs that must be written, deadlines of pods.  Not held: what a pod has from its cluster (secrets,
volumes, nodes, memory), and the size of the workflow that the backend makes of the pipeline.
"""
