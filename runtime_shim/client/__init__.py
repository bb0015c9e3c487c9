"""Reads runs that exist."""
