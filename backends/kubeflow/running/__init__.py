"""Runs on a server of Kubeflow Pipelines: started, listed, followed, ended, and made to recur.

:mod:`.connection` signs in, :mod:`.server` asks, :mod:`.answers` makes sentences of what goes wrong on the way, and
:mod:`.watching` follows a run to its end.  kfp is imported by :mod:`.sdk` alone.
"""
