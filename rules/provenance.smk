# All results -> results/provenance.json and report.html: where they come from, and a page that shows them.

from workflow_src.provenance.contract import effective_settings


rule record_provenance:
    input:
        rules.corpus.input,
        rules.embeddings.input,
        rules.trials.input,
        rules.analysis.input,
        scores=SCORES,
        extractor=EXTRACTOR,
        embeddings=IMPORTED,
        policies=[file for name in GIVEN for file in given_files(name)],
    output:
        "results/provenance.json",
    log:
        "logs/record_provenance.log",
    benchmark:
        "logs/record_provenance.benchmark.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        settings=json.dumps(effective_settings(SETTINGS)),
        policies=lambda wildcards, input: json.dumps(
            {name: given_files(name) for name in GIVEN}
        ),
        code=code("provenance.record_provenance"),
    message:
        "Recording the provenance of all results"
    shell:
        "python -m workflow_src.provenance.record_provenance --settings {params.settings:q}"
        " --extractor {input.extractor:q} --embeddings {input.embeddings:q}"
        " --policies {params.policies:q} --results results --provenance {output} > {log} 2>&1"


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
        mem_mb=2000,
        runtime=10,
    params:
        snakefile=str(workflow.main_snakefile),
        settings=SETTINGS.model_dump_json(),
    message:
        "Writing {output}: results, figures, notebooks and what the run cost"
    shell:
        "settings=$(mktemp --suffix .json) && trap 'rm -f \"$settings\"' EXIT"
        ' && printf %s {params.settings:q} > "$settings"'
        ' && snakemake --snakefile {params.snakefile:q} --configfile "$settings" --nolock'
        " --report {output} > {log} 2>&1"
