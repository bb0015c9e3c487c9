"""`step-functions simulate`: a compiled state machine is walked without AWS, and without running anything.

:mod:`.machines` takes the document apart, :mod:`.walking` goes through each machine once, :mod:`.simulating` puts the
machines together by multiplying, :mod:`.past_runs` reads assumptions off a run, :mod:`.limits` and :mod:`.costs` judge,
:mod:`.reporting` shows it.
"""
