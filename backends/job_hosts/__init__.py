"""Where the jobs of a rehearsal run: as processes of this machine, or as containers of a Docker-compatible engine.

A scheduler's rehearsal describes each attempt (:mod:`.jobs`) and hands it to a host: :mod:`.processes` or
:mod:`.containers`.  Nothing here knows any scheduler.  :mod:`.container_engine` finds the engine, its images, and what
a rehearsal may have left on it.  The package `docker` is imported by the last two only, where it is used.
"""
