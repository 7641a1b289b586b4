"""Make the trials of one scenario from the manifest.

The scenarios share their draws through the seed, so each is the same whether it is made alone
or with the others. Prints how many models and trials there are and what was left out.
"""

from __future__ import annotations

from pathlib import Path

from workflow_src.common.files import read_csv, read_parquet, write_parquet
from workflow_src.common.tables import read_split
from workflow_src.running.steps import add_settings_argument, parse_settings, run_step, step_parser
from workflow_src.settings.trials import SCENARIOS, Generation
from workflow_src.trials.protocol import MANIFEST_COLUMNS, build_pool, make_scenario


def main(argv: list[str] | None = None) -> None:
    """Run the step."""
    parser = step_parser(__doc__)
    parser.add_argument(
        "--manifest", type=Path, required=True, help="table of utterances (parquet)"
    )
    parser.add_argument("--split", type=Path, required=True, help="table of speaker and part (CSV)")
    parser.add_argument(
        "--rejected", type=Path, help="table of utterances without an embedding (CSV)"
    )
    add_settings_argument(parser, Generation)
    parser.add_argument("--seed", type=int, required=True, help="seed of all draws")
    parser.add_argument("--scenario", required=True, choices=SCENARIOS)
    parser.add_argument("--out", type=Path, required=True, help="trials (parquet)")
    parser.add_argument("--enrolment", type=Path, required=True, help="enrolments (parquet)")
    args = parser.parse_args(argv)

    settings = parse_settings(args.settings, Generation, "trials.generation")
    rejected: list[str] = []
    if args.rejected:
        rejected = read_csv(args.rejected, ["utterance"], text=["utterance"])["utterance"].tolist()
    pool = build_pool(
        manifest=read_parquet(args.manifest, MANIFEST_COLUMNS),
        split=read_split(args.split),
        rejected=rejected,
        settings=settings,
    )
    made = make_scenario(pool, args.scenario, settings, args.seed)
    write_parquet(made.enrolment, args.enrolment)
    write_parquet(made.trials, args.out)
    print(
        f"{args.scenario}: {made.enrolment['speaker'].nunique()} speakers, "
        f"{made.enrolment['model'].nunique()} models, {len(made.trials)} trials (half of them "
        f"targets), non-targets from {len(pool.speakers)} speakers; left out: {made.left_out}"
    )


if __name__ == "__main__":
    run_step(main)
