"""Runs a compiled state machine on this laptop."""
