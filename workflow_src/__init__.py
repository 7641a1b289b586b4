"""Time-varying speaker verification, from raw audio to figures.

The rooms, in the order in which data flows through them: ``common``, ``corpus``,
``embeddings``, ``trials``, ``updating``, ``policies``, ``inference``, ``analysis``.
A room imports only from rooms before it.
"""
