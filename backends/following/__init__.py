"""Runs on somebody else's cluster, followed to their end: what all targets share that are asked how a run is doing.

A target says what it sees in the terms of :mod:`.seen`; :mod:`.watching` asks again and again, :mod:`.telling` says
what is new, :mod:`.ending` makes a sentence of the end, and :mod:`.command` is the part of a command that waits.
"""
