"""Knows schedulers: how a program becomes what each of them runs."""
