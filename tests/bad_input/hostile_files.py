"""One generator of hostile files: what is done to a reader, written in every form that can say it.

A file of a few megabytes at most asks for more memory than there is, nests deeper than a stack,
never ends, or makes an error of megabytes.
"""

from __future__ import annotations

import io
import json
import lzma
import struct
import tarfile
import zipfile

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from tests.inference.made_up_policies import made_up_state_dict

ID = "0001_05011100_3_1_ti_0"
MANY = 1_000_000


def text(value: str) -> bytes:
    """A pickle's text; lone halves of characters pass."""
    content = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(content)) + content


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def number(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<i", len(content)) + content


def array(shape: bytes, data: bytes) -> bytes:
    """A pickled array of floats, of any shape."""
    kind = name("numpy", "dtype") + text("f4") + b"\x85R"
    state = b"(K\x01" + shape + kind + b"\x89B" + struct.pack("<I", len(data)) + data + b"t"
    return name("numpy._core.multiarray", "_reconstruct") + b")R" + state + b"b"


def one_for_many(count: int, size: int) -> bytes:
    """One vector under many keys."""
    one = array(b"J" + struct.pack("<i", size) + b"\x85", np.ones(size, "f4").tobytes())
    keys = b"".join(text(f"{n:04d}{ID[4:]}") + b"h\x00" for n in range(1, count + 1))
    return b"\x80\x04" + one + b"\x940}(" + keys + b"u."


def amplified(count: int, size: int) -> bytes:
    """A list of copies of one list."""
    one = b"](" + b"K\x01" * size + b"e\x940" + name("builtins", "list") + b"\x940"
    return b"\x80\x04" + one + b"](" + b"h\x01h\x00\x85R" * count + b"e."


def colliding_tuples(length: int) -> bytes:
    """A dict whose keys, tuples of -1 and -2, have one hash."""
    bits = ((n >> k & 1 for k in range(length)) for n in range(1 << length))
    one, two = b"J\xff\xff\xff\xff", b"J\xfe\xff\xff\xff"
    keys = (b"(" + b"".join(two if bit else one for bit in row) + b"tN" for row in bits)
    return b"\x80\x04}(" + b"".join(keys) + b"u."


PICKLES = {
    "a deep tuple as a key": b"\x80\x04})" + b"\x85" * 500_000 + b"K\x01s.",
    "a deep list": b"\x80\x04" + b"]" * MANY + b"a" * (MANY - 1) + b".",
    "a deep dict": b"\x80\x04" + b"}K\x01" * 200_000 + b"N" + b"s" * 200_000 + b".",
    "a deep shape": b"\x80\x04}" + text(ID)
    + array(b"]" * 1000 + b"a" * 999 + b"K\x01K\x01\x87", b"\0" * 32) + b"s.",
    "one vector under many keys": one_for_many(9998, 100_000),
    "copies of one list": amplified(20_000, 50_000),
    "a large memo": b"\x80\x04}r\xff\xff\xff\x0f.",
    "a long number": b"\x80\x04}" + number(7 << 17000) + b"]K\x01as.",
    "long numbers with one hash": b"\x80\x04}("
    + b"".join(number(n * (2**61 - 1)) + b"N" for n in range(30_000)) + b"u.",
    "tuples with one hash": colliding_tuples(15),
    "a half of a character": b"\x80\x04}" + text("spk0001_0\ud800")
    + b"](" + text("\udfff") + b"es.",
    "a long name": b"\x80\x04}" + text("x" * (3 << 20)) + b"](" + text(ID) + b"es.",
    "a long list": b"\x80\x04}" + text("spk0001_0") + b"](" + text("y" * (3 << 20)) + b"es.",
    "a long global": name("x" * MANY, "y" * MANY) + b".",
}  # fmt: skip


def npy(stream: bytes) -> bytes:
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + stream


def torch_file(stream: bytes) -> bytes:
    return zipped({"a/data.pkl": stream, "a/version": b"3\n", "a/byteorder": b"little"})


def zipped(members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return file.getvalue()


def array_file(kind: str, shape: tuple[int, ...], data: bytes) -> bytes:
    """A .npy file whose header says any shape."""
    said = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(said)) + said + data


def saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def with_weight(tensor: torch.Tensor) -> bytes:
    state = made_up_state_dict("mh_final", 4)
    state["pi"]["linear1.weight"] = tensor
    return saved(state)


def many_of_one(count: int) -> bytes:
    one = torch.zeros(1 << 20)
    return saved({"pi": {f"t{n}": one for n in range(count)}})


def loop(constant: bool = False, grows: bool = False) -> bytes:
    """A model that never ends: from a constant, or from its input; or that grows without end."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Concat", ["x", "x"], ["y"], axis=0)
            if grows
            else helper.make_node("Add", ["x", "one"], ["y"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        ],
        [helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])],
    )  # fmt: skip
    start = [helper.make_tensor("true", TensorProto.BOOL, [], [True]),
             helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])]  # fmt: skip
    nodes = [
        helper.make_node("ReduceMean", ["feats"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Loop", ["", "true", "zero" if constant else "mean"], ["z"], body=body),
        helper.make_node("Add", ["mean", "z"], ["embs"]),
    ]
    return model(nodes, start)


def large_constant() -> bytes:
    """A model that makes 4 TB of ones."""
    shape = [helper.make_tensor("shape", TensorProto.INT64, [2], [MANY, MANY])]
    nodes = [
        helper.make_node("ReduceMean", ["feats"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("ConstantOfShape", ["shape"], ["ones"]),
        helper.make_node("ReduceMean", ["ones"], ["one"], keepdims=0),
        helper.make_node("Add", ["mean", "one"], ["embs"]),
    ]
    return model(nodes, shape)


def model(nodes: list, start: list) -> bytes:
    graph = helper.make_graph(
        nodes, "graph",
        [helper.make_tensor_value_info("feats", TensorProto.FLOAT, ["B", "T", 80])],
        [helper.make_tensor_value_info("embs", TensorProto.FLOAT, ["B", 80])],
        start,
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    return onnx.ModelProto.SerializeToString(made)


def tar_header(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def tar_with_header(kind: bytes, size: int) -> bytes:
    """A tar archive, compressed to a little, with a header of many bytes before its member."""
    block = lzma.compress(b"0" * (1 << 20), preset=0)
    rest = tar_header(tarfile.REGTYPE, 0) + b"\0" * 1024
    # Streams after one another are one file.
    return lzma.compress(tar_header(kind, size)) + block * (size >> 20) + lzma.compress(rest)


def tar_of_many(count: int) -> bytes:
    block = lzma.compress(tar_header(tarfile.REGTYPE, 0) * 1000, preset=0)
    return block * (count // 1000) + lzma.compress(b"\0" * 1024)


ZEROS = b"\0" * (100 << 20)
SHORT_IDS = np.array([ID] * 4).astype("<U22").tobytes()

# Ending of the file's name -> what is done -> its content.
FILES: dict[str, dict[str, object]] = {
    ".npy": {what: npy(stream) for what, stream in PICKLES.items()},
    ".pkl": dict(PICKLES),
    ".pt": {what: torch_file(stream) for what, stream in PICKLES.items()} | {
        "a tensor on no device": lambda: with_weight(torch.zeros(256, 10**9, device="meta")),
        "strides of zero": lambda: with_weight(torch.zeros(1).expand(256, 1 << 40)),
        "many names of one tensor": lambda: many_of_one(2000),
        "an old file of deep tuples": PICKLES["a deep tuple as a key"],
    },
    ".npz": {
        "text beyond Unicode": zipped({
            "utterance.npy": array_file("<U22", (4,), struct.pack("<I", 0x7FFFFFFF) * 88),
            "embedding.npy": array_file("<f4", (4, 8), b"\0\0\x80?" * 32)}),
        "halves of characters": zipped({
            "utterance.npy": array_file("<U22", (4,), struct.pack("<I", 0xD800) * 88),
            "embedding.npy": array_file("<f4", (4, 8), b"\0\0\x80?" * 32)}),
        "a shape beyond memory": zipped({
            "utterance.npy": array_file("<U22", (4,), SHORT_IDS),
            "embedding.npy": array_file("<f4", (4, 1 << 44), b"\0\0\x80?" * 32)}),
        "compressed zeros": lambda: zipped({
            "utterance.npy": array_file("<U22", (4,), SHORT_IDS),
            "embedding.npy": array_file("<f4", (4, 25 << 18), ZEROS)}, zipfile.ZIP_DEFLATED),
        "a deep header": zipped({"utterance.npy": b"\x93NUMPY\x01\0\xff\xff" + b"(" * 65535}),
        "a long name": zipped({"x" * 60_000 + ".npy": array_file("<f4", (1,), b"\0" * 4)}),
    },
    ".template": {
        "compressed zeros": lambda: zipped({
            "about.npy": array_file("|u1", (2,), b"{}"),
            "vector.npy": array_file("<f4", (25 << 20,), ZEROS)}, zipfile.ZIP_DEFLATED),
        "a shape beyond memory": zipped({"about.npy": array_file("|u1", (1 << 50,), b"{}")}),
    },
    ".ark": {
        "a long name": b"x" * (3 << 20),
        "a size beyond memory": ID.encode() + b" \0BFV \4" + struct.pack("<i", 2**31 - 1),
        "a negative size": ID.encode() + b" \0BFM \4" + struct.pack("<ibi", -1, 4, 2**31 - 1),
    },
    ".scp": {
        "a device": f"{ID} /dev/zero:0\n".encode(),
        "a long name": f"{ID} {'x' * (3 << 20)}\n".encode(),
        "a long offset": f"{ID} x.ark:{'9' * 5000}\n".encode(),
        "a long line": b"x" * (3 << 20),
    },
    ".json": {
        "deep": b"[" * MANY,
        "deep objects": b'{"a":' * MANY,
        "a long number": b'{"method": ' + b"7" * 5000 + b"}",
        "a number that is infinite": b'{"method": "multi-head", "a": 1e999}',
        "a half of a character": b'{"method": "multi-head", "a": "\\ud800"}',
        "a long text": json.dumps({"method": "x" * (3 << 20)}).encode(),
    },
    ".yaml": {
        "deep": b"[" * 90_000,
        "a long number": b"drift: 0x" + b"7" * 50_000,
        "a long number as a key": b"0x" + b"7" * 50_000 + b": 1",
        "laughs": b"a: &a [1,1,1,1,1,1,1,1,1]\n" + b"".join(
            f"{chr(n + 1)}: &{chr(n + 1)} [{','.join([f'*{chr(n)}'] * 9)}]\n".encode()
            for n in range(97, 117)),
        "large": b"# x\n" * MANY,
        "a long key": b"? " + b"x" * 90_000 + b"\n: 1\n",
    },
    ".csv": {
        "many columns": b"utterance," + b"a," * (2 << 20) + b"\n",
        "a long line": b"x" * (3 << 20),
        "a long name": b"x" * (3 << 20) + b",b\n1,2\n",
        "an open quote": b'utterance,a\n"' + b"x\n" * MANY,
    },
    ".txt": {
        "a long line": b"x" * (3 << 20) + b"\n" + b"x" * (3 << 20),
        "one id many times": b"0001\n" * MANY,
    },
    ".safetensors": {
        "a long header": struct.pack("<Q", 1 << 60) + b"{}",
        "deep": struct.pack("<Q", 1 << 20) + b"[" * (1 << 20),
        "a shape beyond memory": lambda: safetensors([1 << 40], [0, 4]),
        "a long name": lambda: safetensors([1], [0, 4], "x" * (3 << 20)),
    },
    ".tar.xz": {
        "a long header": lambda: tar_with_header(tarfile.XHDTYPE, 100 << 20),
        "a long global header": lambda: tar_with_header(tarfile.XGLTYPE, 100 << 20),
        "a long name": lambda: tar_with_header(tarfile.GNUTYPE_LONGNAME, 100 << 20),
        "many members": lambda: tar_of_many(100_000),
    },
    ".onnx": {
        "a loop": loop(),
        "a loop from a constant": loop(constant=True),
        "a loop that grows": loop(grows=True),
        "a large constant": large_constant(),
        "deep": b"\x3a\xff\xff\x7f" * 1000,
    },
}  # fmt: skip


def safetensors(shape: list[int], offsets: list[int], key: str = "a") -> bytes:
    about = {key: {"dtype": "F32", "shape": shape, "data_offsets": offsets}}
    header = json.dumps(about).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 4


def content_of(suffix: str, what: str) -> bytes:
    """Return the content of a hostile file."""
    content = FILES[suffix][what]
    return content() if callable(content) else content  # type: ignore[return-value]
