"""Make development trials: the protocol of one scenario, played by training speakers.

They enrol and are heard as non-targets among themselves; no test speaker has a part. Methods are
fitted and chosen on them.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, read_parquet, write_parquet
from workflow_src.common.seeds import generator
from workflow_src.common.tables import read_split
from workflow_src.running.steps import add_settings_argument, parse_settings, run_step, step_parser
from workflow_src.settings.trials import SCENARIOS, Generation
from workflow_src.settings.tuning import Development
from workflow_src.trials.protocol import MANIFEST_COLUMNS, build_pool, make_scenario


def choose_development_speakers(split: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Return a split in which some training speakers are tested and all others train.

    Parameters
    ----------
    split
        Columns speaker and part.
    most
        At most so many speakers.
    seed
        Of the draw.

    Raises
    ------
    InputError
        Fewer than two speakers train.
    """
    training = sorted(split.loc[split["part"] == "train", "speaker"])
    if len(training) < 2:
        raise InputError(
            f"split: development trials need two speakers of part 'train' or more; there are "
            f"{len(training)}"
        )
    order = generator(seed, "development", "speakers").permutation(len(training))
    chosen = {training[i] for i in order[:most]}
    part = ["test" if speaker in chosen else "train" for speaker in split["speaker"]]
    return pd.DataFrame({"speaker": split["speaker"], "part": part})


def main(argv: list[str] | None = None) -> None:
    """Run the step."""
    parser = step_parser(__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="utterances (parquet)")
    parser.add_argument("--split", type=Path, required=True, help="speaker and part (CSV)")
    parser.add_argument(
        "--rejected", type=Path, required=True, help="utterances without an embedding (CSV)"
    )
    add_settings_argument(parser, Generation)
    parser.add_argument(
        "--development", default="{}", metavar="JSON", help="the block tuning.development"
    )
    parser.add_argument("--seed", type=int, required=True, help="seed of all draws")
    parser.add_argument("--scenario", required=True, choices=SCENARIOS)
    parser.add_argument("--out", type=Path, required=True, help="trials (parquet)")
    parser.add_argument("--enrolment", type=Path, required=True, help="enrolments (parquet)")
    args = parser.parse_args(argv)

    settings = parse_settings(args.settings, Generation, "trials.generation")
    development = parse_settings(args.development, Development, "tuning.development")
    law = settings.random.model_copy(update={"trajectories": development.trajectories})
    settings = settings.model_copy(update={"random": law})
    split = read_split(args.split)
    split = choose_development_speakers(split, development.speakers, args.seed)
    rejected = read_csv(args.rejected, ["utterance"], text=["utterance"])["utterance"].tolist()
    pool = build_pool(read_parquet(args.manifest, MANIFEST_COLUMNS), split, rejected, settings)
    made = make_scenario(pool, args.scenario, settings, args.seed)
    write_parquet(made.enrolment, args.enrolment)
    write_parquet(made.trials, args.out)
    print(
        f"{args.scenario}: {made.enrolment['speaker'].nunique()} training speakers, "
        f"{made.enrolment['model'].nunique()} models, {len(made.trials)} trials; left out: "
        f"{made.left_out}"
    )


if __name__ == "__main__":
    run_step(main)
