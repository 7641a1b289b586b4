"""The settings of the workflow, typed: a module a stage, the whole in `schema`.

A step imports only its own stage's module, so that a changed default reruns no other stage.
"""
