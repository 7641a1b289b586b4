"""The settings of a configuration that count."""

import json
from typing import Any

from workflow_src.settings.catalogue import find_method
from workflow_src.settings.run_table import expand_runs, fitted_runs
from workflow_src.settings.schema import Config


def effective_settings(config: Config) -> dict[str, Any]:
    """Return the settings that can change a result.

    Left out: ``compute``, ``comparison`` (whose results are its own), ``tuning`` where nothing is
    fitted or tuned, the blocks of methods that are not used, the folders of a user's own rules,
    a user's own scenarios that are not used, the blocks of the corpus's and the trials' sources
    that are not in use, the archives that recordings were extracted from, and the extractor's
    where embeddings are imported or simulated.
    """
    content = json.loads(config.model_dump_json(exclude={"compute", "comparison"}))
    unused = {"synthetic", "directory", "imported", "simulated"} - {config.corpus.source}
    for source in unused:
        del content["corpus"][source]
    # Where recordings came from changes nothing that is computed from them.
    content["corpus"].get("directory", {}).pop("archives", None)
    # Nor does the folder of a user's own rule: its code is recorded.
    del content["inference"]["folders"]
    develops = fitted_runs(config) or any(run.tuned for run in expand_runs(config))
    if not develops:
        del content["tuning"]
    read = {find_method(run.method).settings for run in expand_runs(config)}
    content["methods"] = {name: block for name, block in content["methods"].items() if name in read}
    used = {*config.trials.scenarios, *(config.tuning.development.scenarios if develops else [])}
    own = content["trials"]["own"]
    content["trials"]["own"] = {name: row for name, row in own.items() if name in used}
    if config.trials.source == "generate":
        del content["trials"]["imported"]
    elif not develops:
        del content["trials"]["generation"]
    if config.corpus.source in {"imported", "simulated"}:
        del content["extractor"]
    return content
