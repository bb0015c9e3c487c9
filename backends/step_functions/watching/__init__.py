"""How an execution is followed from afar: `trigger --wait`.

:mod:`.history` reads what happened out of the events that AWS keeps, :mod:`.jobs` asks AWS Batch what jobs wait for,
:mod:`.telling` says it, :mod:`.ending` says how it ended, and :mod:`.watch` asks, waits and asks again.
"""
