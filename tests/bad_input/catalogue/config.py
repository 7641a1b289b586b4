"""Settings: whole configurations, and blocks that steps get."""

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import write


def config(name: str, content: str, says: str) -> Case:
    return bad("validate_config", name, f"mine.yaml: {says}", write("mine.yaml", content))


def own(name: str, row: str, says: str) -> Case:
    return config(f"own scenario: {name}", f"trials: {{own: {{{row}}}}}", says)


def block(command: str, content: str, says: str) -> Case:
    return bad(command, f"settings {content}", says, settings=content)


CASES = [
    config("no mapping", "[1, 2]", "[1, 2] is not allowed"),
    config("unknown block", "corpse: {}", "corpse: unknown key"),
    config("unknown key", "corpus: {sourc: synthetic}", "corpus.sourc: unknown key"),
    config("key with a line end", '"cor\\npus": 1', "'cor\\npus': unknown key"),
    config("value with a line end", 'seed: "1\\n2"', "seed: '1\\n2' is not allowed"),
    config("value of a million characters", f"seed: {'x' * 1_000_000}", "seed: 'xxx"),
    config("number as text", "finetuning: {ppo: {clip: 3e-4}}", "finetuning.ppo.clip: '3e-4'"),
    config("number as a truth", "seed: true", "seed: True is not allowed"),
    config("no number", "finetuning: {ppo: {clip: .nan}}", "finetuning.ppo.clip: nan"),
    config("infinite number", "finetuning: {ppo: {clip: .inf}}", "finetuning.ppo.clip: inf"),
    config(
        "infinite number in a list",
        "comparison: {sensitivity: {shifts: [0, .inf]}}",
        "comparison.sensitivity.shifts.1: inf",
    ),
    config("0 test speakers", "corpus: {test_speakers: 0}", "corpus.test_speakers: 0 is not"),
    config("half a test speaker", "corpus: {test_speakers: 2.5}", "corpus.test_speakers: 2.5 is"),
    config(
        "threshold beyond a cosine",
        "methods: {fixed-weight: {threshold: 1.5}}",
        "methods.fixed-weight.threshold: 1.5 is not allowed",
    ),
    config(
        "more to average than a gallery has",
        "methods: {gallery: {size: 3, best: 5}}",
        "methods.gallery: best is 5; the gallery has 4 vectors, size and enrolment",
    ),
    config(
        "key that was moved",
        "inference: {fixed_weight: {threshold: 0.5}}",
        "inference.fixed_weight: this key was moved to methods.fixed-weight",
    ),
    config(
        "number of a law that was moved to a file",
        "corpus: {simulated: {law: {drift: 0.5}}}",
        "corpus.simulated.law.drift: this key was moved to the file that corpus.simulated.law",
    ),
    config(
        "unknown method",
        "inference: {methods: [magic]}",
        "inference.methods.0: 'magic' is no method; allowed: baseline, fixed-weight,",
    ),
    config(
        "unknown guard",
        "inference: {methods: [fixed-weight-tuned, fixed-weight-tuned+fartest]}",
        "inference.methods.1: 'fixed-weight-tuned+fartest' has no guard 'fartest'; allowed: "
        "far-test, far-template, way, direction, daily, low-norm; did you mean far-test?",
    ),
    config(
        "guard that stands twice",
        "inference: {methods: [soft, soft+way+daily+way]}",
        "inference.methods.1: 'soft+way+daily+way' names a guard twice",
    ),
    config(
        "guarded method that never updates",
        "inference: {methods: [baseline, baseline+way]}",
        "inference.methods.1: 'baseline+way' cannot be: baseline never updates, and has no guards",
    ),
    config(
        "guarded method that looks at labels",
        "inference: {methods: [oracle, oracle+way]}",
        "inference.methods.1: 'oracle+way' cannot be: oracle looks at the labels, and has no",
    ),
    config(
        "limit beyond a cosine",
        "guards: {far-test: 1.5}",
        "guards.far-test: 1.5 is not allowed",
    ),
    config(
        "no update a day",
        "guards: {daily: 0}",
        "guards.daily: 0 is not allowed",
    ),
    config(
        "guards in the comparison",
        "comparison: {methods: [baseline, fixed-weight-tuned, fixed-weight-tuned+way, oracle]}",
        "comparison: methods has fixed-weight-tuned+way; methods are compared without guards",
    ),
    config(
        "entry point without a class",
        "inference: {methods: [my_lab.rules]}",
        "inference.methods.0: 'my_lab.rules' is no method; allowed: ",
    ),
    config(
        "released policy among the methods",
        "inference: {methods: [released-multi-head]}",
        "inference.methods.0: 'released-multi-head' is not listed among the methods; name its",
    ),
    config(
        "unknown method that is compared",
        "comparison: {methods: [magic]}",
        "comparison.methods.0: 'magic' is no method",
    ),
    config("sensitivity of a method that is not compared",
           "comparison: {methods: [baseline, fixed-weight-tuned, oracle],"
           " sensitivity: {populations: [1]}}",
           "comparison: methods lacks multi-rate, soft, through-time, whose sensitivity"),
    config("a class without a module", "extractor: {front_end: ':Model'}",
           "extractor.front_end: there is no front end ':Model'; allowed are: "),
    config("a class of one's own with the demo's model", "extractor: {front_end: 'mine:Model'}",
           "extractor: model is that of the demo"),
    config("unknown scenario", "trials: {scenarios: [2das]}",
           "trials: scenarios has '2das', which is no scenario; allowed: random, 1das, "),
    config("unknown development scenario", "tuning: {development: {scenarios: [2das]}}",
           "tuning.development.scenarios has '2das', which is no scenario"),
    config("unknown scenario to compare on", "comparison: {scenarios: [weekly]}",
           "comparison.scenarios has 'weekly', which is no scenario"),
    own("a published name", "1das: {every: 1, targets: all}",
        "trials: own has '1das', which is a published scenario"),
    own("the name of a list in another order", "random-shuffled: {every: 7, targets: all}",
        "trials: own has 'random-shuffled', which names the trials of random in shuffled order"),
    own("the name of an own list in another order",
        "weekly: {every: 7, targets: all}, weekly-independent: {every: 7, targets: one}",
        "trials: own has 'weekly-independent', which names the trials of weekly in independent "),
    config("imported lists that are named as in another order",
           "trials: {source: import, imported: {root: a, form: tables},"
           " scenarios: [a, a-shuffled]}",
           "trials: scenarios has 'a-shuffled', which names the trials of a in shuffled order"),
    own("a name with capitals", "Weekly: {every: 7, targets: all}", "trials.own.Weekly: 'Weekly'"),
    own("a name that leaves the folder", "../x: {every: 7, targets: all}", "trials.own.../x: "),
    own("no distance", "weekly: {targets: all}", "trials.own.weekly.every: is missing"),
    own("no day apart", "weekly: {every: 0, targets: all}", "trials.own.weekly.every: 0 is not"),
    own("no targets", "weekly: {every: 7}", "trials.own.weekly: targets is missing; allowed: all"),
    own("other targets", "weekly: {every: 7, targets: two}", "trials.own.weekly.targets: 'two'"),
    own("targets of a walk", "walk: {every: random, targets: all}", "trials.own.walk: targets is"),
    own("two enrolments of a walk", "walk: {every: random, enrolment: [0, 9]}",
        "trials.own.walk: enrolment is [0, 9]"),
    own("enrolments that fall", "weekly: {every: 7, targets: all, enrolment: [9, 0]}",
        "trials.own.weekly: enrolment is [9, 0]"),
    own("one enrolment twice", "weekly: {every: 7, targets: all, enrolment: [0, 0]}",
        "trials.own.weekly.enrolment: lists a value twice"),
    own("no enrolment", "weekly: {every: 7, targets: all, enrolment: []}",
        "trials.own.weekly.enrolment: []"),
    own("enrolment before the first day", "weekly: {every: 7, targets: all, enrolment: [-1]}",
        "trials.own.weekly.enrolment.0: -1 is not allowed"),
    own("rounds of all utterances", "weekly: {every: 7, targets: all, rounds: 3}",
        "trials.own.weekly: rounds is given"),
    own("a unit that is none", "yearly: {every: 1, targets: all, unit: year}",
        "trials.own.yearly.unit: 'year' is not allowed"),
    own("a key that is none", "weekly: {every: 7, targets: all, days: 3}",
        "trials.own.weekly.days: unknown key"),
    config("no scenario", "trials: {scenarios: []}", "trials.scenarios: [] is not allowed"),
    config("no order", "trials: {orders: []}", "trials.orders: [] is not allowed"),
    config("an order that is none", "trials: {orders: [reverse]}", "trials.orders.0: 'reverse'"),
    config("an order twice", "trials: {orders: [shuffled, shuffled]}",
           "trials.orders: lists a value twice"),
    config("imported lists in independent order",
           "trials: {source: import, imported: {root: a}, orders: [published, independent]}",
           "trials: orders has independent, but source is import, and lists do not tell"),
    config("more non-targets than can be drawn",
           "trials: {generation: {nontargets_per_target: 1000}}",
           "trials.generation.nontargets_per_target: 1000 is not allowed"),
    config("an order of development trials that is none",
           "tuning: {development: {order: reverse}}",
           "tuning.development.order: 'reverse' is not allowed"),
    config(
        "scenario twice",
        "trials: {scenarios: [random, random]}",
        "trials.scenarios: lists a value twice",
    ),
    config(
        "hours that are none",
        "trials: {generation: {enrolment_after: '25:00'}}",
        "trials.generation.enrolment_after: '25:00'",
    ),
    config(
        "a front end that there is not",
        "extractor: {front_end: mfcc}",
        "extractor.front_end: there is no front end 'mfcc'; allowed are: wespeaker-fbank80",
    ),
    config("no folder of recordings", "corpus: {source: directory}", "corpus.directory.root must"),
    config(
        "folder without a name",
        "corpus: {directory: {root: ''}}",
        "corpus.directory.root: '' is not allowed",
    ),
    config(
        "path with a brace",
        "corpus: {directory: {root: 'a{b}'}}",
        "corpus.directory.root: 'a{b}' holds",
    ),
    config(
        "path with a NUL", 'extractor: {model: "a\\0.onnx"}', "extractor.model: 'a\\x00.onnx' holds"
    ),
    config(
        "list of no speakers",
        "corpus: {directory: {speakers: []}}",
        "corpus.directory.speakers: [] is not allowed",
    ),
    config("nothing to import", "corpus: {source: imported}", "corpus.imported.embeddings must"),
    config("lists from nowhere", "trials: {source: import}", "trials: imported.root must name"),
    config("nothing to score", "inference: {methods: []}", "inference: methods is empty"),
    config(
        "figure of an unused scenario",
        "{analysis: {scenario: 1das}, trials: {scenarios: [random]}}",
        "analysis.scenario is '1das'",
    ),
    config(
        "no speaker left to train on",
        "comparison: {speakers: 10, test_speakers: 9}",
        "comparison: test_speakers must leave two",
    ),
    config(
        "sensitivity of a method that is not fitted",
        "comparison: {sensitivity: {methods: [multi-head]}}",
        "comparison.sensitivity: methods has multi-head",
    ),
    config(
        "digest too short",
        "extractor: {sha256: abc}",
        "extractor.sha256: 'abc' is not allowed",
    ),
    block("synthetic.synthesize_corpus", "{", "corpus.synthetic: "),
    block("synthetic.synthesize_corpus", '{"seconds": [1]}', "corpus.synthetic: seconds: [1]"),
    block("corpus.build_manifest", '{"days": 0}', "corpus.directory: days: 0 is not allowed"),
    block("synthetic.simulate_listing", '{"speakers": 1}', "corpus.simulated.listing: speakers: 1"),
    block("embeddings.extract_embeddings", '{"shards": "8"}', "extractor: shards: '8'"),
    block("trials.generate_trials", '{"rounds": 0}', "trials.generation: rounds: 0"),
    block("training.pretrain_policy", '{"epochs": 1.5}', "pretraining: epochs: 1.5"),
    block("training.finetune_policy", '{"ppo": {"clip": NaN}}', "finetuning: ppo.clip: nan"),
    block("methods.fit_method", '{"alphas": [0.1, 0.1]}', "tuning: alphas: lists a value twice"),
    block("analysis.sweep_thresholds", '{"alphas": []}', "analysis.sweep: alphas: []"),
    block("provenance.record_provenance", '{"seed": -1}', "seed: -1 is not allowed"),
    block("provenance.record_provenance", "{", "config: '{'"),
]  # fmt: skip
