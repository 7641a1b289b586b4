import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.running import CLONE
from workflow_src.common.errors import InputError
from workflow_src.settings.config_words import read_config_words
from workflow_src.settings.front_ends import BY_ID as FRONT_ENDS
from workflow_src.settings.moved import MOVED
from workflow_src.settings.rendering import render_config
from workflow_src.settings.schema import Config, validate_config

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Config.model_fields, "source", "ppo", "x"]), inner)
    ),
    max_leaves=8,
)


def merge(base, overlay):
    """Merge as Snakemake does: dicts merge, anything else replaces."""
    if not (isinstance(base, dict) and isinstance(overlay, dict)):
        return overlay
    return {**base, **{key: merge(base.get(key), value) for key, value in overlay.items()}}


@pytest.mark.parametrize("number", [2**63, 10**30])
@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("seed", lambda n: {"seed": n}),
        ("finetuning.seeds", lambda n: {"finetuning": {"seeds": [0, n]}}),
        ("methods.through-time.hidden", lambda n: {"methods": {"through-time": {"hidden": n}}}),
    ],
)
def test_a_number_beyond_64_bits_is_refused_with_its_key(number, key, content):
    with pytest.raises(InputError, match=f"^config: {key}: has a number beyond {2**63 - 1}"):
        validate_config(content(number))


@pytest.mark.parametrize("front_end", FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_a_front_end_is_read_back_from_the_json_of_its_step(front_end):
    assert type(front_end).model_validate_json(front_end.model_dump_json()) == front_end


def test_the_largest_seed_is_a_seed():
    assert validate_config({"seed": 2**63 - 1}).seed == 2**63 - 1


def test_the_file_is_what_the_model_says():
    content = (CLONE / "config.yaml").read_text()
    assert content == render_config(Config())
    assert validate_config(yaml.safe_load(content)) == Config()


def test_what_is_written_is_read_again_and_may_be_a_part():
    overlay = {
        "seed": 7,
        # json would write 2e-05, which YAML takes for text.
        "finetuning": {"ppo": {"learning_rate": 2e-5}},
        "corpus": {
            "directory": {
                "root": "ä: b",
                "archives": [{"url": "https://host/a.zip", "sha256": "a" * 64}],
            }
        },
    }
    config = validate_config(overlay)
    assert validate_config(yaml.safe_load(render_config(config))) == config
    assert yaml.safe_load(render_config(config, "# head\n", overlay)) == overlay


def test_the_overlay_for_smiip_tv_is_valid_and_names_who_is_tested():
    base = yaml.safe_load((CLONE / "config.yaml").read_text())
    overlay = yaml.safe_load((CLONE / "config.smiip-tv.yaml").read_text())
    config = validate_config(merge(base, overlay))
    listed = (CLONE / config.corpus.test_speakers).read_text().splitlines()
    speakers = [line for line in listed if not line.startswith("#")]
    assert len(set(speakers)) == len(speakers) == 58
    assert config.trials.nontarget_only == ["0124"]
    assert "0124" not in speakers


@pytest.mark.parametrize("path", ["config.simulated.yaml", "benchmarks/years.yaml"])
def test_the_overlays_for_simulated_embeddings_are_valid(path):
    base = yaml.safe_load((CLONE / "config.yaml").read_text())
    overlay = yaml.safe_load((CLONE / path).read_text())
    config = validate_config(merge(base, overlay))
    assert config.corpus.source == "simulated"


@given(st.dictionaries(st.sampled_from([*Config.model_fields, "x"]), JSON))
def test_any_content_is_valid_or_told_in_a_line_a_fault(content):
    try:
        validate_config(content, "mine.yaml")
    except InputError as error:
        assert all(line.startswith("mine.yaml: ") for line in str(error).splitlines())


def test_moved_keys_are_told_where_they_went():
    content = {"inference": {"fixed_weight": {"alphas": [0.1]}}, "tuning": {"through-time": None}}
    with pytest.raises(InputError) as caught:
        validate_config(content, "mine.yaml")
    assert str(caught.value).splitlines() == [
        "mine.yaml: inference.fixed_weight: this key was moved to methods.fixed-weight",
        "mine.yaml: tuning.through-time: this key was moved to methods.through-time",
    ]


def is_key(dotted):
    block = Config
    for name in dotted.split("."):
        fields = getattr(block, "model_fields", {}).items()
        block = {field.alias or own: field.annotation for own, field in fields}.get(name)
    return block is not None


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_a_moved_key_is_no_key_any_more_and_the_keys_of_its_new_place_are(old, new):
    named = [word for word in new.split() if "." in word]
    assert named and all(map(is_key, named))
    assert not is_key(old)


def test_the_shown_trials_follow_the_scenarios_and_orders():
    def shown(**trials):
        return validate_config({"trials": {"scenarios": ["3das", "1das"], **trials}}).shown_list.id

    assert Config().shown_list.id == "random"
    assert shown() == "3das"
    assert shown(orders=["independent", "published"]) == "3das-independent"
    chosen = {"trials": {"scenarios": ["3das", "1das"]}, "analysis": {"scenario": "1das"}}
    assert validate_config(chosen).shown_list.id == "1das"


def test_each_scenario_is_in_each_order():
    def ids(**trials):
        lists = validate_config({"trials": {"scenarios": ["random", "weekly"], **OWN, **trials}})
        return [one.id for one in lists.trials.lists]

    OWN = {"own": {"weekly": {"every": 7, "targets": "all"}}}
    generated = ["random", "random-independent", "weekly", "weekly-independent"]
    assert ids() == generated
    assert ids(orders=["shuffled"]) == ["random-shuffled", "weekly-shuffled"]
    # Lists do not tell which other trials a day could have.
    imported = ids(source="import", imported={"root": "lists"})
    assert imported == ["random", "random-shuffled", "weekly", "weekly-shuffled"]


def test_the_comparisons_defaults_follow_what_is_compared():
    def read(**comparison):
        return validate_config({"comparison": comparison}).comparison

    assert (read().tested_speakers, read().sensitive_populations) == (58, [1, 2])
    assert read(speakers=20).tested_speakers == 4
    assert read(speakers=6).tested_speakers == 2
    assert read(speakers=20, test_speakers=9).tested_speakers == 9
    assert read(populations=[7, 8, 9]).sensitive_populations == [7, 8]
    few = ["baseline", "fixed-weight-tuned", "oracle"]
    assert read(methods=few).sensitive_populations == []
    assert read(sensitivity={"populations": []}).sensitive_populations == []


@pytest.mark.parametrize(
    ("overlay", "key"),
    [
        ("trials: {nontarget_only: [0124]}", "trials.nontarget_only.0"),
        ("corpus: {directory: {speakers: [0007, 0010]}}", "corpus.directory.speakers.0"),
        ("trials: {generation: {enrolment_after: 10:30}}", "trials.generation.enrolment_after"),
    ],
)
def test_text_that_yaml_takes_for_a_number_is_to_be_quoted(overlay, key):
    with pytest.raises(InputError, match=rf"config: {key}: \d+ is not allowed: .* \(quote ids and"):
        validate_config(yaml.safe_load(overlay))


@pytest.mark.parametrize(
    ("words", "blocks"),
    [
        (["corpus={test_speakers: 3}"], [{"corpus": {"test_speakers": 3}}]),
        (
            ["tuning={alphas: [0.1, 1.0], x: null, y: true, z: '3'}", "inference={methods: [a]}"],
            [
                {"tuning": {"alphas": [0.1, 1.0], "x": None, "y": True, "z": "3"}},
                {"inference": {"methods": ["a"]}},
            ],
        ),
        (["seed=3", "corpus={", "corpus", "corpus="], []),
    ],
)
def test_blocks_on_the_command_line_are_yaml(words, blocks):
    assert read_config_words(words) == blocks
