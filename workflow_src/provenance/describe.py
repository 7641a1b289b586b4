"""A record as text, with one line that a paper can quote."""

from workflow_src.provenance.record import Record, digest_results, digest_settings

# Digits of a digest in a sentence.
SHORT = 16


def describe_record(record: Record) -> str:
    """Return a record as text: a table, an empty line and the line to quote."""
    workflow, machine, settings = record.workflow, record.machine, record.settings
    methods = [*settings["inference"]["methods"]]
    methods += [
        f"released-{name}" for name, path in settings["inference"]["released"].items() if path
    ]
    devices = [f"{step} on {', '.join(found)}" for step, found in machine.devices.items()]
    rows = {
        "workflow": f"{workflow.name} {workflow.version}",
        "commit": _commit(record),
        "seed": settings["seed"],
        "corpus": settings["corpus"]["source"],
        "scenarios": ", ".join(settings["trials"]["scenarios"]),
        "methods": ", ".join(methods),
        "settings": f"sha256 {digest_settings(record)}",
        "results": f"sha256 {digest_results(record)} over {len(record.results)} files",
        "inputs": ", ".join(
            f"{kind} ({name} {digest[:SHORT]})"
            for kind, files in record.inputs.items()
            for name, digest in files.items()
        )
        or "none",
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
        "machine": f"{machine.system} {machine.architecture}, {machine.cpu}",
        "devices": "; ".join(devices) or "not known",
    }
    return "".join(f"{name:<10} {value}\n" for name, value in rows.items()) + f"\n{quote(record)}\n"


def quote(record: Record) -> str:
    """Return one line for a paper on how the results were computed."""
    workflow, machine, versions = record.workflow, record.machine, record.versions
    torch = f", torch {versions['torch']}" if "torch" in versions else ""
    devices = sorted({device for found in machine.devices.values() for device in found})
    return (
        f"Results were computed with the workflow {workflow.name} {workflow.version} "
        f"({_commit(record)}), seed {record.settings['seed']}, settings "
        f"{digest_settings(record)[:SHORT]}, results {digest_results(record)[:SHORT]} (sha256), "
        f"Python {versions['python']}{torch}, on {machine.system} "
        f"{machine.architecture}, {machine.cpu}"
        f"{f', device {chr(32).join(devices)}' if devices else ''}."
    )


def _commit(record: Record) -> str:
    workflow = record.workflow
    if workflow.commit is None:
        return "no git commit known"
    return f"git commit {workflow.commit}" + (", with changes" if workflow.dirty else "")
