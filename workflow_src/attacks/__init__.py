"""Attacks on templates: who attacks, whom, and what then happens."""
