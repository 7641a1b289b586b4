# All results -> results/provenance.json and results/config.yaml: how they came about; and, for others,
# report.html and an RO-Crate.

from workflow_src.provenance.contract import effective_settings

# What was given from outside, by kind; of some settings, nothing. The recordings of a folder are
# not among it: there can be any number of them.
_inputs = {
    "extractor": [EXTRACTOR],
    "embeddings": IMPORTED,
    "law": [LAW],
    "test_speakers": [TEST_SPEAKERS] if isinstance(TEST_SPEAKERS, str) else [],
    "published": PUBLISHED,
    **{f"policies/{name}": given_files(name) for name in GIVEN},
}
if SETTINGS.corpus.source == "directory":
    _inputs["metadata"] = [SETTINGS.corpus.directory.metadata]
elif SETTINGS.corpus.source == "simulated":
    _inputs["utterances"] = [LISTED]
if SETTINGS.trials.source == "import":
    _inputs["trials"] = [
        str(file)
        for scenario in SETTINGS.trials.scenarios
        for file in (
            f"{LISTS}/{scenario}/{TRIAL_FILE}",
            find_enrolment_list(f"{LISTS}/{scenario}"),
        )
    ]
GIVEN_FILES = {kind: files for kind, files in _inputs.items() if any(files)}


rule record_provenance:
    input:
        rules.corpus.input,
        rules.embeddings.input,
        rules.trials.input,
        rules.analysis.input,
        scores=SCORES,
        given=[file for files in GIVEN_FILES.values() for file in files],
    output:
        record="results/provenance.json",
        config="results/config.yaml",
    log:
        "logs/record_provenance.log",
    benchmark:
        "logs/record_provenance.benchmark.tsv"
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        settings=json.dumps(effective_settings(SETTINGS)),
        given=lambda wildcards, input: json.dumps(GIVEN_FILES),
        code=code("provenance.record_provenance"),
    message:
        "Recording the provenance of all results"
    shell:
        "python -m workflow_src.provenance.record_provenance --settings {params.settings:q}"
        " --inputs {params.given:q} --results results --logs logs"
        " --config {output.config} --provenance {output.record} > {log} 2>&1"


rule write_crate:
    input:
        record="results/provenance.json",
        config="results/config.yaml",
    output:
        metadata="results/ro-crate-metadata.json",
        workflow=directory("results/workflow"),
    log:
        "logs/write_crate.log",
    benchmark:
        "logs/write_crate.benchmark.tsv"
    conda:
        "../envs/crate.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        results=subpath(output.metadata, parent=True),
        jobs=".snakemake/metadata",
        code=code("provenance.write_crate"),
    message:
        "Describing the run as a Workflow Run RO-Crate: {output.metadata}"
    shell:
        "python -m workflow_src.provenance.write_crate --results {params.results}"
        " --jobs {params.jobs} > {log} 2>&1"


rule report:
    input:
        "results/provenance.json",
    output:
        "report.html",
    log:
        "logs/report.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        snakefile=main_snakefile,
        # Whatever changes a result changes the provenance.
        settings=lambda wildcards, output: SETTINGS.model_dump_json(),
    message:
        "Writing {output}: results, figures, notebooks and what the run cost"
    shell:
        "settings=$(mktemp --suffix .json) && trap 'rm -f \"$settings\"' EXIT"
        ' && printf %s {params.settings:q} > "$settings"'
        ' && snakemake --snakefile {params.snakefile:q} --configfile "$settings" --nolock'
        " --report {output} > {log} 2>&1"
