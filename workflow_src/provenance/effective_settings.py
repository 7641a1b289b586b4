"""The settings of a configuration that can change a result."""

import json
from typing import Any

from workflow_src.settings.catalogue import find_method
from workflow_src.settings.run_table import develops, expand_runs
from workflow_src.settings.schema import Config


def effective_settings(config: Config) -> dict[str, Any]:
    """Return the settings that can change a result.

    The result has no ``compute``, no ``comparison`` and no ``evaluation.controls`` (which have
    their own results), no archives of recordings, no folders of own code, no
    ``extractor.allow_demo`` and no ``corpus.replace``. It has the grids of ``tuning`` only if
    something is fitted or tuned, ``attacks`` only if limits of guards are chosen under attack, and
    the extractor only if it is used. Of methods, guards, own scenarios, and sources of the corpus
    and of the trials, it has only those in use.
    """
    content = json.loads(config.model_dump_json(exclude={"compute", "comparison"}))
    runs = expand_runs(config)
    tunes = any(run.tuned_limits for run in runs)
    if tunes:
        # What is measured only after a run.
        del content["attacks"]["recovery"]
    else:
        del content["attacks"]
    guards = {guard for run in runs for guard in run.guards} | ({"cost"} if tunes else set())
    content["guards"] = {key: value for key, value in content["guards"].items() if key in guards}
    if not guards:
        del content["guards"]
    del content["evaluation"]["controls"]
    unused = {"synthetic", "directory", "imported", "simulated"} - {config.corpus.source}
    for source in unused:
        del content["corpus"][source]
    del content["corpus"]["replace"]
    if config.corpus.source == "simulated" and not config.corpus.simulated.listing.utterances:
        # Drawn utterances have the names of SMIIP-TV.
        del content["corpus"]["simulated"]["listing"]["names"]
    # The place of recordings and of own code changes no result. Such code is recorded.
    content["corpus"].get("directory", {}).pop("archives", None)
    del content["inference"]["folders"], content["extractor"]["folders"]
    # The extractor's digest is recorded.
    del content["extractor"]["allow_demo"]
    if not develops(config):
        content["tuning"] = {"development": content["tuning"]["development"]}
    read = {find_method(run.method).settings for run in runs}
    content["methods"] = {name: block for name, block in content["methods"].items() if name in read}
    content["trials"]["orders"] = config.trials.used_orders
    used = {*config.trials.scenarios, *config.tuning.development.scenarios}
    own = content["trials"]["own"]
    content["trials"]["own"] = {name: row for name, row in own.items() if name in used}
    if config.trials.source == "generate":
        del content["trials"]["imported"]
    if config.corpus.source in {"imported", "simulated"}:
        del content["extractor"]
    return content
