"""A hostile pickle is refused by name and runs nothing: no attack may leave the canary."""

import builtins
import collections
import copyreg
import io
import os
import pickle
import struct

import pytest

from workflow_src.common.errors import InputError
from workflow_src.common.unpickling import PlainUnpickler, read_plain_pickle


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Persistent(pickle.Pickler):
    def persistent_id(self, content):
        return "canary" if isinstance(content, Calls) else None


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


def refusal(content, tmp_path):
    path = tmp_path / "trial.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_plain_pickle(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ") and "\n" not in said
    return said


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("nested", [False, True])
def test_a_call_of_os_system(canary, tmp_path, protocol, nested):
    attack = Calls(os.system, f"touch {canary}")
    content = attack
    if nested:
        # The early protocols say __builtin__.list, which no published file does.
        empty = collections.defaultdict(list) if protocol > 2 else {}
        content = empty | {"spk0001_0": [["0001", attack]]}
    said = refusal(pickle.dumps(content, protocol=protocol), tmp_path)
    assert f"the pickle names {os.system.__module__}.system" in said


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (eval, "eval"),
        (exec, "exec"),
        (getattr, "getattr"),
        (__import__, "__import__"),
        (open, "open"),
        (builtins.map, "map"),
        (copyreg.add_extension, "add_extension"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_other_functions(canary, tmp_path, function, named, protocol):
    attack = Calls(function, f"__import__('pathlib').Path({str(canary)!r}).touch()")
    assert named in refusal(pickle.dumps(attack, protocol=protocol), tmp_path)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("__builtin__", "list"),
        ("builtins", "list.__class__"),
        ("builtins", "dict.__subclasses__"),
        ("builtins", "__import__"),
        ("collections", "defaultdict.__init__.__globals__"),
        ("collections", "_sys.modules"),
        ("collections", "namedtuple"),
        ("collections.abc", "defaultdict"),
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "Popen"),
        ("workflow_src.common.unpickling", "pickle.loads"),
    ],
)
@pytest.mark.parametrize("form", ["GLOBAL", "STACK_GLOBAL"])
def test_globals_by_any_alias(canary, tmp_path, module, name, form):
    named = (
        f"c{module}\n{name}\n".encode()
        if form == "GLOBAL"
        else b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in (module, name)) + b"\x93"
    )
    argument = f"touch {canary}".encode()
    content = b"\x80\x04" + named + b"X" + struct.pack("<I", len(argument)) + argument + b"\x85R."
    assert f"names {module}.{name}," in refusal(content, tmp_path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_a_persistent_id(canary, tmp_path, protocol):
    file = io.BytesIO()
    Persistent(file, protocol).dump({"spk0001_0": [Calls(os.system, f"touch {canary}")]})
    assert "opcode " + ("BINPERSID" if protocol else "PERSID 'canary'") in refusal(
        file.getvalue(), tmp_path
    )


@pytest.mark.parametrize(
    ("code", "opcode"), [(240, "EXT1 240"), (40000, "EXT2 40000"), (7 << 20, "EXT4 7340032")]
)
@pytest.mark.parametrize("cached", [False, True])
def test_an_extension_code(canary, tmp_path, code, opcode, cached):
    copyreg.add_extension(os.system.__module__, "system", code)
    try:
        content = pickle.dumps(Calls(os.system, f"touch {canary}"), protocol=2)
        # A code that was looked up once is found without asking for its name again.
        if cached:
            pickle.loads(pickle.dumps(os.system, protocol=2))
        assert f"the opcode {opcode} at byte 2" in refusal(content, tmp_path)
    finally:
        copyreg.remove_extension(os.system.__module__, "system", code)
        copyreg.clear_extension_cache()


def test_the_unpickler_itself_admits_no_persistent_id_nor_a_code_by_its_name():
    """The second gate holds where the first is left open."""
    with pytest.raises(InputError, match="holds the persistent id 'x'"):
        PlainUnpickler(b"\x80\x02X\x01\0\0\0xQ.", "a").load()
    copyreg.add_extension(os.system.__module__, "system", 240)
    try:
        with pytest.raises(InputError, match=r"names \w+\.system"):
            PlainUnpickler(b"\x80\x02\x82\xf0.", "a").load()
    finally:
        copyreg.remove_extension(os.system.__module__, "system", 240)


@pytest.mark.parametrize(
    ("content", "opcode"),
    [
        (b"\x80\x02ccollections\ndefaultdict\n)\x81}X\x01\0\0\0aK\x01sb.", "NEWOBJ"),
        (b"\x80\x02ccollections\ndefaultdict\n}X\x01\0\0\0aK\x01sb.", "BUILD"),
        (b"\x80\x02ccollections\ndefaultdict\nN}X\x01\0\0\0aK\x01s\x86b.", "BUILD"),
        (b"(S'touch canary'\nios\nsystem\n.", "INST 'os system'"),
        (b"(cos\nsystem\nS'touch canary'\no.", "OBJ"),
        (b"\x80\x04}\x8c\x01a\x8c\x01b\x8c\x01c}\x92.", "NEWOBJ_EX"),
        (b"\x80\x03C\x01a.", "SHORT_BINBYTES 353"),
        (b"\x80\x05\x96\x01\0\0\0\0\0\0\0a.", "BYTEARRAY8"),
        (b"\x80\x04\x8f.", "EMPTY_SET"),
    ],
)
def test_other_ways_to_make_objects(tmp_path, content, opcode):
    assert f"the opcode {opcode}".split(" 353")[0] in refusal(content, tmp_path)


def test_state_cannot_be_set_even_where_its_opcode_is_admitted():
    for state in (b"}X\x01\0\0\0aK\x01s", b"N}X\x01\0\0\0aK\x01s\x86"):
        for made in (b"", b")R"):
            content = b"\x80\x02ccollections\ndefaultdict\n" + made + state + b"b."
            with pytest.raises(InputError, match="cannot be read as a pickle"):
                PlainUnpickler(content, "a").load()
    assert not hasattr(collections.defaultdict, "a")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"\x80\x03",
        b"\x80\x03}.more",
        b"\x80\x63}.",
        b"\x80\x03\xff.",
        b"\x80\x03.",
        b"\x80\x03R.",
        b"\x80\x03h\x05.",
        b"I9x\n.",
        b"I1",
        b"S'\\x",
        b"\x80\x03X\x02\0\0\0\xff\xff.",  # no UTF-8
        b"\x80\x03X\xff\xff\xff\x7fa.",  # claims 2 GiB of text
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fa.",
        b"\x80\x03}r\xff\xff\xff\x0f.",  # a memo of 2 GiB
        b"}p268435455\n.",
        b"}p-1\n.",
        b"}px\n.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.",
        b"\x80\x03ccollections\ndefaultdict\nX\x01\0\0\0a\x85R.",  # a factory that is text
    ],
)
def test_a_damaged_file(tmp_path, content):
    assert "cannot be read as a pickle (" in refusal(content, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x03})" + b"\x85" * 1_000_000 + b"K\x01s.",
        # The same by way of the memo, each tuple being the argument of a call as well.
        b"\x80\x03})" + b"\x85q\x00cbuiltins\nlist\nh\x00R0h\x00" * 3 + b"K\x01s.",
        b"\x80\x03}cbuiltins\nlist\n)q\x00R0h\x00\x85h\x00K\x01s.",
        b"\x80\x04}cbuiltins\nlist\n)\x94R0h\x00K\x01s.",
        b"\x80\x04}\x94cbuiltins\nlist\n)\x94R0j\x01\0\0\0K\x01s.",
        b"}cbuiltins\nlist\n(tp3\nR0g3\nI1\ns.",
        b"\x80\x03})2K\x01s.",
        pickle.dumps({(1, 2): []}),
        pickle.dumps([(1, 2)], protocol=0),
    ],
)
def test_a_tuple_but_as_an_argument(tmp_path, content):
    """The hash of a deep tuple overflows the C stack, which no exception tells of."""
    assert "refused, because it holds a tuple" in refusal(content, tmp_path)


def test_every_cut_of_a_good_file(tmp_path):
    content = pickle.dumps(
        collections.defaultdict(list, a=["0001", 2, 3.5, None, True]), protocol=3
    )
    for size in range(len(content)):
        refusal(content[:size], tmp_path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"trial\.pkl: cannot be read \(No such file"):
        read_plain_pickle(tmp_path / "trial.pkl")


@pytest.mark.parametrize("protocol", range(6))
def test_what_is_admitted_comes_back(tmp_path, protocol):
    inner = collections.defaultdict(dict, {"2020_0501": ["ä", 1, -(1 << 63), 2.5, None, True]})
    content = collections.defaultdict(collections.defaultdict, {1: inner, 2: {"x" * 300: inner}})
    if protocol < 3:  # these say __builtin__ for builtins, which no published file does
        content = {1: [True, False, None, 1.5, "ä", 1 << 40], 2: {}}
    path = tmp_path / "trial.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    read = read_plain_pickle(path)
    assert read == content
    assert type(read) is type(content)
    assert getattr(read, "default_factory", None) is getattr(content, "default_factory", None)
