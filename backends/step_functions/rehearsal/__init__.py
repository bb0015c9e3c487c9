"""The compiled state machine on this machine: an embedded AWS, and jobs as processes.

:mod:`.engine` starts and stops it, :mod:`.rehearsing` runs one flow on it, :mod:`.commands` is `step-functions
rehearse`.  In the engine's own process :mod:`.server` puts moto behind the gate of
:mod:`penstock.backends.rehearsal`, :mod:`.mends` correct moto
where it is not AWS, and the :mod:`.fleet` runs Batch jobs by :mod:`.processes`.

Held: what the state language says, names, attempts, time-outs, 256 KB payloads, 25,000 events, 1 MB definitions,
8,192 characters of overrides, 40 iterations of an inline Map at once.  Not held: IAM, memory and processors of a
job, quotas of an account.
"""
