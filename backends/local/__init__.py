"""Runs a flow on this machine."""
