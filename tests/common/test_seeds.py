from hypothesis import given
from hypothesis import strategies as st

from workflow_src.common.seeds import generator, seed_sequence, torch_seed

NAMES = st.lists(st.one_of(st.text(), st.integers()), min_size=1, max_size=4)


@given(st.integers(0, 2**63), NAMES, NAMES)
def test_a_stream_depends_on_seed_and_name_alone(seed, names, others):
    first = generator(seed, *names).integers(2**63, size=4)
    assert (generator(seed, *names).integers(2**63, size=4) == first).all()
    if list(map(repr, names)) != list(map(repr, others)):
        assert (generator(seed, *others).integers(2**63, size=4) != first).any()
        assert (generator(seed + 1, *names).integers(2**63, size=4) != first).any()


def test_a_number_and_its_text_are_different_names():
    assert seed_sequence(1, 7).spawn_key != seed_sequence(1, "7").spawn_key


def test_torch_seeds_fit_torch():
    assert all(0 <= torch_seed(1, name) < 2**63 for name in range(100))
