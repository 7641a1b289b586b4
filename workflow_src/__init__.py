"""Time-varying speaker verification, from raw audio to figures.

The package is made of rooms, through which data flows one way; a room imports only rooms above it
(docs/architecture.md lists them, pyproject.toml holds them to it).
"""
