"""Knows flows; knows no scheduler and no cloud."""
