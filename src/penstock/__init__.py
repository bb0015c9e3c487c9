"""Penstock: a flow carried to somebody else's scheduler."""
