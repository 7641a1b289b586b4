"""Time-varying speaker verification: one graph of rules from audio to executed notebooks."""

from snakemake.utils import min_version

min_version("9.0")


report: "report/workflow.rst"


# The folder of this file, also where another Snakefile includes it or uses it as a module.
HOME = workflow.current_basedir.get_path_or_uri(secret_free=False)


configfile: f"{HOME}/config.yaml"


include: "rules/common.smk"
include: "rules/snakemake_inside.smk"
include: "rules/corpus.smk"
include: "rules/embeddings.smk"
include: "rules/trials.smk"
include: "rules/policies.smk"
include: "rules/inference.smk"
include: "rules/controls.smk"
include: "rules/serving.smk"
include: "rules/analysis.smk"
include: "rules/provenance.smk"
include: "rules/planning.smk"
include: "rules/comparison.smk"


localrules:
    all,
    corpus,
    embeddings,
    trials,
    policies,
    inference,
    controls,
    attacks,
    export_policy,
    analysis,
    figures,


rule all:
    default_target: workflow.modifier.is_main_snakefile()
    input:
        "results/provenance.json",
        rules.analysis.input,


finish_rules()
