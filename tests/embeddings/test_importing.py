"""Import of embeddings: what is read, what is refused, and that nothing of a file is run."""

import contextlib
import copyreg
import functools
import json
import os
import pickle
import struct

import kaldiio
import numpy as np
import pandas as pd
import pytest

from tests.launching import launch
from workflow_src.common.errors import InputError
from workflow_src.common.limits import within_budget
from workflow_src.common.tables import read_extractor
from workflow_src.embeddings.importing import check_embeddings, find_files, read_part
from workflow_src.embeddings.numpy_pickles import read_pickled_vectors

IDS = [f"{s:04d}_0501{h:02d}30_{h - 7}_1_ti_0" for s in (73, 9) for h in (8, 9, 10)]
RNG = np.random.default_rng(7)
VECTORS = RNG.standard_normal((len(IDS), 5)).astype(np.float32)


def save(path, content):
    """Write as the authors did: a dict in a 0-dimensional array of objects."""
    np.save(path, content, allow_pickle=True)
    return path


def with_header(path, stream):
    """Write a pickle stream behind the header of a .npy file of objects."""
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(stream)
    return path


def run(folder, *paths, settings="{}"):
    arguments = ["--files", *paths, "--settings", settings]
    for option, name in {
        "manifest": "manifest.parquet",
        "embeddings": "matrix.npy",
        "index": "index.parquet",
        "rejected": "rejected.csv",
    }.items():
        arguments += [f"--{option}", folder / name]
    launch("embeddings.import_embeddings", *arguments)
    return pd.read_parquet(folder / "manifest.parquet"), np.load(folder / "matrix.npy")


def read_here(path):
    """Read vectors in this process; `read_part` starts another, which takes a quarter second."""
    with within_budget(path):
        utterances, (embeddings,) = read_pickled_vectors(path)
    return utterances, embeddings


@pytest.fixture
def canary(tmp_path):
    """A file that an attack would make, and a command that makes it."""
    path = tmp_path / "canary"
    yield path, f"touch '{path}'"
    assert not path.exists()


@pytest.mark.parametrize("dtype", ["f2", "<f4", ">f4", "f8", np.longdouble])
@pytest.mark.parametrize("row", [False, True])
def test_pickled_dict_gives_its_vectors(tmp_path, dtype, row):
    vectors = VECTORS.astype(dtype)
    content = {name: v[None] if row else v for name, v in zip(IDS, vectors, strict=True)}
    part = read_part(save(tmp_path / "a.npy", content))
    assert part.utterances == IDS
    np.testing.assert_array_equal(part.embeddings, vectors.astype(np.float32))
    assert part.embeddings.dtype == np.float32


@pytest.mark.parametrize("protocol", range(5))
def test_pickles_of_all_protocols_and_of_older_numpys_are_read(tmp_path, protocol):
    content = {np.str_(name): v for name, v in zip(IDS, VECTORS, strict=True)}
    stream = pickle.dumps(np.array(content, dtype=object), protocol=protocol)
    if protocol < 4:  # names stand in lines of their own
        stream = stream.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")
    part = read_part(with_header(tmp_path / "a.npy", stream))
    assert part.utterances == IDS
    np.testing.assert_array_equal(part.embeddings, VECTORS)


def test_parts_of_all_formats_merge_in_corpus_order(tmp_path, capsys):
    save(tmp_path / "x_rank0.npy", {IDS[5]: VECTORS[5]})
    save(tmp_path / "x_rank1.npy", {IDS[2]: VECTORS[2].astype(np.float64)})
    np.savez(tmp_path / "b.npz", utterance=np.array(IDS[:2]), embedding=VECTORS[:2])
    kaldiio.save_ark(str(tmp_path / "c.ark"), {IDS[3]: VECTORS[3]})
    ark, scp = tmp_path / "d.vectors", tmp_path / "d.scp"
    kaldiio.save_ark(str(ark), {IDS[4]: VECTORS[4].astype(np.float64)}, scp=str(scp))
    manifest, matrix = run(
        tmp_path, *sorted(tmp_path.glob("x_*.npy")), tmp_path / "b.npz", ark.parent / "c.ark", scp
    )
    expected = sorted(IDS)
    assert manifest["utterance"].tolist() == expected
    order = [IDS.index(name) for name in expected]
    np.testing.assert_array_equal(matrix, VECTORS[order])
    assert matrix.dtype == np.float32
    assert manifest["seconds"].dtype == np.float32
    assert manifest["seconds"].isna().all()
    index = pd.read_parquet(tmp_path / "index.parquet")
    assert index["row"].tolist() == list(range(len(IDS)))
    assert index["utterance"].tolist() == expected
    assert (tmp_path / "rejected.csv").read_text() == "utterance,path,reason\n"
    assert "filters by seconds" in capsys.readouterr().out


def test_scp_that_points_into_archives_in_any_order(tmp_path):
    lines = []
    for i in range(2):
        part = dict(zip(IDS[3 * i : 3 * i + 3], VECTORS[3 * i : 3 * i + 3, None], strict=True))
        scp = tmp_path / f"{i}.scp"
        kaldiio.save_ark(str(tmp_path / f"{i}.ark"), part, scp=str(scp))
        lines += scp.read_text().splitlines()
    path = tmp_path / "all.scp"
    path.write_text("\n".join(lines[::2] + lines[1::2]) + "\n\n")
    part = read_part(path)
    np.testing.assert_array_equal(part.embeddings, VECTORS[[0, 2, 4, 1, 3, 5]])


def test_names_of_files_may_look_like_patterns(tmp_path):
    names = [str(tmp_path / name) for name in ("a[1].npy", "b0.npy", "b1.npy")]
    for name in names:
        save(name, {IDS[0]: VECTORS[0]})
    found = find_files([names[0], str(tmp_path / "b*.npy"), names[1]])
    assert found == names
    with pytest.raises(InputError, match=r"no file is named '.*c\*\.npy'"):
        find_files([str(tmp_path / "c*.npy")])


@pytest.mark.parametrize(
    "name", ["-x.npz", "{x}.npz", "--help.npy", "a}.ark", "a\nb.npz", "\x1b.npz"]
)
@pytest.mark.parametrize("pattern", ["*", "./*", "{}", "./{}"])
def test_a_name_that_no_command_can_have_is_refused(tmp_path, monkeypatch, name, pattern):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        InputError, match=r"^corpus\.imported\.embeddings: .*; rename it$"
    ) as caught:
        find_files([pattern.replace("{}", name)])
    assert repr(name) in str(caught.value)


def test_one_file_in_two_spellings_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npz").write_bytes(b"")
    (tmp_path / "b c$'.npz").write_bytes(b"")
    assert find_files(["a.npz", "./a.npz", "./*.npz", ".//a.npz"]) == ["a.npz", "b c$'.npz"]


class Calls:
    """What pickles into a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def extension_code():
    pickled = struct.pack("<I", 240)
    return b"\x80\x02" + b"\x84" + pickled + b"X\x04\x00\x00\x00true\x85R."


def attacks(command):
    """Return name -> (pickle stream, what the refusal names)."""
    dumps = functools.partial(pickle.dumps, protocol=4)
    system = Calls(os.system, command)
    objects = np.array([system], dtype=object)
    text = command.encode()
    return {
        "reduce": (dumps(system), "posix.system"),
        "nested": (dumps({IDS[0]: [VECTORS[0], {"a": system}]}), "posix.system"),
        "in an array of objects": (dumps({IDS[0]: objects}), "posix.system"),
        "as a dtype": (dumps({IDS[0]: Calls(np.dtype, system)}), "posix.system"),
        "eval": (dumps(Calls(eval, f"__import__('os').system({command!r})")), "builtins.eval"),
        "alias": (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        "getattr": (dumps(Calls(getattr, 1, "real")), "builtins.getattr"),
        "dotted": (b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.dumps\x93.", "numpy.ndarray.dumps"),
        "instance": (b"(S'" + text.replace(b"'", b"\\'") + b"'\nios\nsystem\n.", "os.system"),
        "persistent id": (b"Pos.system\n.", "a persistent id"),
        "binary persistent id": (b"\x80\x02K\x01Q.", "a persistent id"),
        "extension code": (extension_code(), "os.system"),
        "numpy's own": (b"cnumpy.testing._private.utils\nrunstring\n.", "runstring"),
        "no latin1": (b"c_codecs\nencode\n(S'a'\nS'zip'\ntR.", "an encoding other than latin1"),
        "a line end": (b"\x80\x04\x8c\x02o\n\x8c\x01x\x93.", r"'o\\n.x'"),
    }


@pytest.mark.parametrize("name", attacks(""))
def test_a_hostile_pickle_is_refused_by_name_and_runs_nothing(tmp_path, canary, name):
    stream, named = attacks(canary[1])[name]
    path = with_header(tmp_path / "a.npy", stream)
    copyreg.add_extension("os", "system", 240)
    # As if the code had been used before in this process.
    copyreg._extension_cache[240] = os.system
    try:
        # In this process, whose extension codes those of the file could be.
        with pytest.raises(InputError, match=r"a\.npy: refused.*" + named) as caught:
            read_here(path)
    finally:
        copyreg.remove_extension("os", "system", 240)
    assert "\n" not in str(caught.value)


def test_the_attacks_are_real(tmp_path):
    """Elsewhere they do run: what is refused above is not refused for being damaged."""
    for name in ("reduce", "nested", "in an array of objects", "as a dtype", "eval", "instance"):
        path = tmp_path / name
        stream, _ = attacks(f"touch '{path}'")[name]
        with contextlib.suppress(TypeError):  # of numpy, about what the command gave
            pickle.loads(stream)
        assert path.exists(), name


def test_forged_types_never_reach_numpy(tmp_path):
    """A dtype with a hidden object field would let numpy take bytes for pointers."""
    for content in (
        {IDS[0]: np.zeros(1, [("a", "O")])},
        {IDS[0]: np.array([VECTORS[0]], dtype=object)},
        {IDS[0]: np.array(VECTORS[0], dtype="S8")},
        {IDS[0]: np.arange(5)},
    ):
        with pytest.raises(InputError, match=rf"a\.npy: .*({IDS[0]}|a dtype of the form)"):
            read_part(save(tmp_path / "a.npy", content))


@pytest.mark.parametrize(
    "stream",
    [b"", b".", b"N.", b"]q\x00.", b"cnumpy\ndtype\n(tR.", b"cnumpy\nndarray\n(tR.",
     b"cnumpy.core.multiarray\n_reconstruct\n}S'a'\nK\x01sb.",
     b"cnumpy.core.multiarray\n_reconstruct\n(tR(K\x01K\x02tb.",
     b"\x84\x01\x00\x00\x00.", b"}r\xff\xff\xff\x0f.", pickle.dumps({IDS[0]: VECTORS[0]})[:-20]],
)  # fmt: skip
def test_a_damaged_pickle_ends_in_one_line(tmp_path, stream):
    with pytest.raises(InputError, match=r"a\.npy: ") as caught:
        read_here(with_header(tmp_path / "a.npy", stream))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "holds no embedding"),
        ({IDS[0]: VECTORS[0], IDS[1]: VECTORS[1, :4]}, f"of {IDS[1]} has 4 numbers, the first"),
        ({IDS[0]: VECTORS[:2]}, rf"of {IDS[0]} has the shape \(2, 5\), not"),
        ({IDS[0]: VECTORS[0] * np.nan, IDS[1]: VECTORS[1] * np.inf}, f"of {IDS[0]} .*and 1 more"),
        ({IDS[0]: VECTORS[0] * np.float64(1e300)}, f"of {IDS[0]} .* not finite"),
        ({IDS[0]: VECTORS[0], IDS[1]: VECTORS[0] * 0}, f"of {IDS[1]} is zero"),
        ({IDS[0]: np.zeros(0, np.float32)}, f"of {IDS[0]} is zero"),
        ({IDS[0]: [1.0, 2.0]}, f"of {IDS[0]} is no numpy array but list"),
        ({IDS[0]: np.arange(3)}, f"of {IDS[0]} is an array of type 'i8'"),
        ({7: VECTORS[0]}, "a key of its dict is no text but int"),
        ([VECTORS[0]], "holds an array of"),
        (VECTORS, "holds an array of float32"),
    ],
)  # fmt: skip
def test_what_is_no_embedding_is_named(tmp_path, content, says):
    path = save(tmp_path / "a.npy", content)
    with pytest.raises(InputError, match=r"a\.npy: .*" + says):
        check_embeddings(path, *read_here(path))


def test_what_is_wrong_across_parts_is_named(tmp_path):
    save(tmp_path / "a.npy", dict(zip(IDS[:3], VECTORS[:3], strict=True)))
    save(tmp_path / "b.npy", dict(zip(IDS[2:], VECTORS[2:], strict=True)))
    with pytest.raises(InputError, match=rf"b\.npy: .*{IDS[2]} comes twice, in .*a\.npy and in"):
        run(tmp_path, tmp_path / "a.npy", tmp_path / "b.npy")
    save(tmp_path / "b.npy", {IDS[3]: VECTORS[3, :4]})
    with pytest.raises(InputError, match=rf"b\.npy: .*4 numbers \(first {IDS[3]}\).*a\.npy of 5"):
        run(tmp_path, tmp_path / "a.npy", tmp_path / "b.npy")
    save(tmp_path / "b.npy", {"0073_x": VECTORS[3]})
    with pytest.raises(InputError, match=r"b\.npy: '0073_x' is not an utterance id"):
        run(tmp_path, tmp_path / "a.npy", tmp_path / "b.npy")
    assert not (tmp_path / "manifest.parquet").exists()


def test_npz_without_pickles_only(tmp_path, canary):
    path = tmp_path / "a.npz"
    np.savez(path, utterance=np.array([Calls(os.system, canary[1])]), embedding=VECTORS[:1])
    with pytest.raises(InputError, match=r"a\.npz: cannot be read"):
        read_part(path)
    np.savez(path, utterance=np.array(IDS), embedding=VECTORS[:-1])
    with pytest.raises(InputError, match=r"a\.npz: embedding is float32 \[5, 5\]; floats \[6, D\]"):
        read_part(path)
    np.savez(path, utterance=np.array(IDS), embedding=np.where(VECTORS[2] == VECTORS, 0, VECTORS))
    with pytest.raises(InputError, match=rf"a\.npz: the embedding of {IDS[2]} is zero"):
        read_part(path)


@pytest.mark.parametrize("form", ["{} |", "| {}", "-", "{}|\r"])
def test_scp_runs_no_command(tmp_path, canary, form):
    path = tmp_path / "a.scp"
    path.write_text(f"{IDS[0]} {form.format(canary[1])}\n", newline="")
    with pytest.raises(InputError, match=rf"a\.scp: the embedding of {IDS[0]} comes from a com"):
        read_part(path)


def test_archive_runs_no_pickle(tmp_path, canary):
    """Archives may hold pickles as far as the reader is concerned; here they are refused."""
    path = tmp_path / "a.ark"
    stream = pickle.dumps(Calls(os.system, canary[1]))
    path.write_bytes(IDS[0].encode() + b" PKL" + stream)
    (tmp_path / "a.scp").write_text(f"{IDS[0]} {path}:{len(IDS[0]) + 1}\n")
    for name in ("a.ark", "a.scp"):
        with pytest.raises(InputError, match=rf"a\.ark: the embedding of {IDS[0]} is no binary"):
            read_part(tmp_path / name)


@pytest.mark.parametrize("cut", [3, 4, 21, 25])
def test_archive_that_is_cut_short_is_named(tmp_path, cut):
    path = tmp_path / "a.ark"
    kaldiio.save_ark(str(path), dict(zip(IDS, VECTORS, strict=True)))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=rf"a\.ark: the embedding of {IDS[-1]} is "):
        read_part(path)


def test_scp_without_its_archive_is_named(tmp_path):
    path = tmp_path / "a.scp"
    path.write_text(f"{IDS[0]} {tmp_path}/none.ark:4\n")
    with pytest.raises(InputError, match=rf"{IDS[0]} is to be in .*none\.ark, which cannot"):
        read_part(path)
    path.write_text(f"{IDS[0]}\n")
    with pytest.raises(InputError, match=r"entry 1 is not <utterance>"):
        read_part(path)


def test_a_file_of_another_form_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.touch()
    with pytest.raises(InputError, match=r"a\.txt: is of no known form; allowed are: \.npy"):
        read_part(path)


def test_the_index_names_the_extractor_if_it_is_known(tmp_path):
    path = save(tmp_path / "a.npy", dict(zip(IDS, VECTORS, strict=True)))
    run(tmp_path, path)
    index = tmp_path / "index.parquet"
    assert read_extractor(index) is None
    before = pd.read_parquet(index)
    run(tmp_path, path, settings='{"extractor": "wespeaker-resnet34"}')
    assert read_extractor(index) == "wespeaker-resnet34"
    pd.testing.assert_frame_equal(pd.read_parquet(index), before)
    for bad in ("", "two words", "a\u00e4", "x" * 101):
        with pytest.raises(InputError, match=r"extractor: .* is not allowed: string should match"):
            run(tmp_path, path, settings=json.dumps({"extractor": bad}))


def test_npz_with_an_array_for_each_utterance(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **dict(zip(IDS, VECTORS[: len(IDS)], strict=True)))
    part = read_part(path)
    assert part.utterances == list(IDS)
    np.testing.assert_array_equal(part.embeddings, VECTORS[: len(IDS)].astype(np.float32))
    np.savez(path, **{IDS[0]: VECTORS[:1], IDS[1]: VECTORS[:2]})
    with pytest.raises(InputError, match=rf"embedding of {IDS[1]} is .*\[2, 5\]; floats \[D\]"):
        read_part(path)
    np.savez(path, **dict.fromkeys(IDS, VECTORS[0]), embedding=VECTORS)
    with pytest.raises(InputError, match="lacks the array 'utterance'; it has: "):
        read_part(path)
