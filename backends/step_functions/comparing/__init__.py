"""`step-functions diff`: what is deployed against what was compiled.

:mod:`.description` describes a state machine with its job definitions for :mod:`penstock.backends.differences`,
:mod:`.deployed` asks AWS for what there is, :mod:`.code` looks into code packages, and :mod:`.commands` is the command.
"""
