"""The speaker model: a front end, waveform to features, and an ONNX file, features to embedding."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import onnxruntime
from pydantic import ValidationError

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.limits import read_apart, stopped_after
from workflow_src.embeddings.model_files import read_model
from workflow_src.embeddings.probing import probe
from workflow_src.settings.embeddings import Extractor, Features
from workflow_src.settings.front_ends import FRONT_ENDS, FrontEnd

if TYPE_CHECKING:
    from workflow_src.embeddings.own_model import OwnModel

WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
# A run of the model may take this long: for any features, and for their numbers. A second of sound
# has 8,000 numbers as filter banks.
LEAST_SECONDS, NUMBERS_PER_SECOND = 60.0, 500.0
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class SpeakerModel:
    """A pretrained speaker model of an ONNX file, checked when it is opened.

    Parameters
    ----------
    path
        An ONNX file with one input, float32, the features of B recordings of one length, and an
        output, float32 [B, D]; their names are free. WeSpeaker's exports (``feats`` -> ``embs``)
        are such files.
    front_end
        The front end on which the model was trained.
    sha256
        Digest that the file must have, in hexadecimal; empty or None: any.
    device
        ``cpu``, ``cuda``, or ``auto``: CUDA where onnxruntime and the machine have it.
    deterministic
        On CUDA, use only algorithms that give the same bytes in every run, in full float32.
    output
        The output that is the embedding; a model with one output needs none.
    windows
        ``average``: a model of recordings of one length takes windows of that length, and the
        embedding is their mean. None: such a model is refused.
    features
        What the file does not tell of its features, or tells wrongly.

    Attributes
    ----------
    digest : str
        sha256 of the file, in hexadecimal.
    dim : int
        D.
    device : str
        ``cpu`` or ``cuda``, as used.
    front_end : FrontEnd
        As given, with the sample rate and the shape that the file or `features` tell.
    max_batch : int or None
        1 for a model that takes one recording at a time, None for any other.

    Raises
    ------
    InputError
        The file is missing, has another digest, is no ONNX model, or has other inputs or outputs;
        or the device is missing; or its weights lie in another file, or it is random.
    """

    def __init__(
        self,
        path: str | Path,
        front_end: FrontEnd = FRONT_ENDS[0],
        sha256: str | None = None,
        device: str = "auto",
        deterministic: bool = True,
        *,
        output: str | None = None,
        windows: Literal["average"] | None = None,
        features: Features | None = None,
    ) -> None:
        content, self.digest = read_model(path, sha256)
        self._path = path
        self.front_end = front_end
        self._asked = output, windows, features or Features()
        if device == "cpu" or PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
            # A model is a program: it may never end, or take all memory.
            read_apart(lambda _: self._open(content, device, deterministic), Path(path))
        self._open(content, device, deterministic)

    def _open(self, content: bytes, device: str, deterministic: bool) -> tuple[None, list]:
        """Open the model and run it once."""
        self._session, self.device = _open_session(content, self._path, device, deterministic)
        output, windows, features = self._asked
        metadata = self._session.get_modelmeta().custom_metadata_map
        told = _read_told(metadata, self._path, self.front_end, features)
        self.front_end, self._compute_features = _make_front_end(
            self.front_end, told, metadata.get("framework", ""), self._path
        )
        self._output = _choose_output(self._session, self._path, output)
        found = _check_interface(self._session, self._path, self.front_end, self._output)
        self._input, self.max_batch, self._length = found
        if self._length and windows is None:
            raise InputError(
                f"{self._path}: takes recordings of one length, {self._length} along "
                f"{self.front_end.shape[self.front_end.growing]} of {self.front_end.batch_shape}; "
                "extractor.windows: average takes the mean over windows of that length"
            )
        self.dim, self.max_batch = self._probe()
        said = metadata.get("output_dim", str(self.dim)).strip()
        if self.front_end.told and said != str(self.dim):
            raise InputError(
                f"{self._path}: its metadata tell the output_dim {said!r}, but its output "
                f"{self._output} has {self.dim} numbers; extractor.output names another"
            )
        return None, []

    def compute_features(self, waveform: np.ndarray) -> np.ndarray:
        """Compute the front end's features, float32, of a recording, float32 [samples]."""
        return self._compute_features(waveform)

    def embed(self, features: np.ndarray) -> np.ndarray:
        """Compute embeddings, float32 [B, D], of features, float32 [B, ...], without padding.

        A model of recordings of one length runs on one window at a time. The windows are evenly
        spaced over the recording and cover it; a shorter recording is repeated.

        Raises
        ------
        InputError
            The model fails on features of this shape, or does not end.
        """
        if not self._length:
            return self._run(features)
        windows = [_cut(one, self._length, self.front_end.growing) for one in features]
        return np.stack([_mean([self._run(w[None])[0] for w in ws]) for ws in windows])

    def _run(self, features: np.ndarray) -> np.ndarray:
        options = onnxruntime.RunOptions()
        seconds = LEAST_SECONDS + features.size / NUMBERS_PER_SECOND
        try:
            with stopped_after(seconds, lambda: setattr(options, "terminate", True)):
                return self._session.run([self._output], {self._input: features}, options)[0]
        except Exception as error:  # onnxruntime's own exceptions have no useful common base
            why = f"it did not end in {seconds:.0f} s" if options.terminate else first_line(error)
            raise InputError(
                f"{self._path}: does not run on features {list(features.shape)}: {why}"
            ) from error

    def _probe(self) -> tuple[int, int | None]:
        """Run the model; declared shapes may be open or wrong."""
        noise = np.random.default_rng(0).standard_normal(2 * self.front_end.sample_rate) / 10
        features = self.compute_features(noise.astype(np.float32))
        if self._length:
            features = _cut(features, self._length, self.front_end.growing)[0]
        return probe(str(self._path), self._run, features, self.max_batch)


def _open_session(
    content: bytes, path: str | Path, device: str, deterministic: bool
) -> tuple[onnxruntime.InferenceSession, str]:
    offered = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    if device == "cuda" and not offered:
        raise InputError(
            "compute.device: cuda was asked for, but this onnxruntime has no CUDA; run "
            "make setup GPU=1, which installs onnxruntime-gpu in its place, or choose cpu or auto"
        )
    options = onnxruntime.SessionOptions()
    # One thread for each run of the model, because sums over threads round differently. The
    # recordings run in parallel.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = deterministic
    # What fails is told in the error alone.
    options.log_severity_level = 4
    providers: list = [PROVIDERS["cpu"]]
    if offered and device != "cpu":
        # The default search takes the algorithm that was fastest this time, and TF32 rounds.
        exact = {"cudnn_conv_algo_search": "DEFAULT", "use_tf32": "0"} if deterministic else {}
        providers.insert(0, (PROVIDERS["cuda"], exact))
        # It does not look for the libraries of CUDA among the installed packages by itself.
        onnxruntime.preload_dlls()
    # The model is opened from the bytes whose digest was checked, and its weights are among them:
    # without this, onnxruntime would take a file of weights from the working directory.
    with tempfile.TemporaryDirectory() as empty:
        options.add_session_config_entry(WEIGHTS_FOLDER, empty)
        try:
            session = onnxruntime.InferenceSession(content, options, providers=providers)
        except Exception as error:  # onnxruntime's own exceptions have no useful common base
            # Small external tensors fail before onnxruntime looks for their file.
            if empty in str(error) or "external tensors" in str(error):
                raise InputError(
                    f"{path}: has weights in another file, which no digest covers; write both into "
                    f"one: python -c \"import onnx; onnx.save(onnx.load('{path}'), 'whole.onnx')\""
                ) from error
            raise InputError(
                f"{path}: cannot be opened as an ONNX model: {first_line(error)}"
            ) from error
    taken = "cuda" if PROVIDERS["cuda"] in session.get_providers() else "cpu"
    if device == "cuda" and taken == "cpu":
        raise InputError(
            "compute.device: cuda was asked for, but onnxruntime could not use a GPU here (driver, "
            "CUDA or cuDNN missing, or of other versions than it was built for)"
        )
    return session, taken


def _read_told(
    metadata: dict[str, str], path: str | Path, front_end: FrontEnd, features: Features
) -> Features:
    """Return what the file's metadata and, before them, the settings tell of the features."""
    asked = features.model_dump(exclude_none=True)
    for key in asked:
        if key not in front_end.told:
            raise InputError(
                f"extractor.features.{key}: is set, but the front end {front_end.id} fixes it; "
                f"it takes {', '.join(front_end.told) or 'none of extractor.features'}"
            )
    # An empty entry tells nothing. What a setting tells need not be readable in the file.
    texts = {key: metadata.get(key, "").strip() for key in front_end.told if key not in asked}
    try:
        told = Features.model_validate_strings({k: text for k, text in texts.items() if text})
    except ValidationError as error:
        wrong = error.errors()[0]
        key = str(wrong["loc"][0])
        raise InputError(
            f"{path}: its metadata tell {key} {texts[key]!r}: {first_line(wrong['msg'])}; "
            f"extractor.features.{key} tells it instead"
        ) from error
    return told.model_copy(update=asked)


def _make_front_end(
    front_end: FrontEnd, told: Features, framework: str, path: str | Path
) -> tuple[FrontEnd, Callable[[np.ndarray], np.ndarray]]:
    """Return the row with what is told, and its function from a waveform to features."""
    function = getattr(importlib.import_module(front_end.module), front_end.entry.partition(":")[2])
    rate = told.sample_rate or front_end.sample_rate
    if set(front_end.told) <= {"sample_rate"}:
        return front_end.model_copy(update={"sample_rate": rate}), function
    sizes = front_end.shape[:-1]
    bins = told.feat_dim or front_end.shape[-1]
    complete = told.model_copy(update={"sample_rate": rate, "feat_dim": bins})
    try:
        function = function(complete, framework.strip())
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    return front_end.model_copy(update={"sample_rate": rate, "shape": (*sizes, bins)}), function


def _choose_output(
    session: onnxruntime.InferenceSession, path: str | Path, asked: str | None
) -> str:
    """Return the name of the output that is the embedding."""
    outputs = session.get_outputs()
    names = [output.name for output in outputs]
    if asked is None and len(names) == 1:
        return names[0]
    if asked is None or asked not in names:
        said = f"has no output {asked!r}" if asked else "has more than one output"
        raise InputError(
            f"{path}: {said}; extractor.output must name the one that is the embedding: "
            f"{_names(outputs)}"
        )
    return asked


def _check_interface(
    session: onnxruntime.InferenceSession, path: str | Path, front_end: FrontEnd, output_name: str
) -> tuple[str, int | None, int | None]:
    """Return the name of the input, and how many recordings of what length, where that is fixed."""
    inputs = session.get_inputs()
    output = next(output for output in session.get_outputs() if output.name == output_name)
    if len(inputs) != 1:
        raise InputError(f"{path}: has the inputs {_names(inputs)}; an extractor has one")
    said = f"{inputs[0].name} {inputs[0].type} {_shape(inputs[0])}"
    needed = f"the front end {front_end.id} gives tensor(float) {front_end.batch_shape}"
    batch, *sizes = inputs[0].shape or [None]
    # An open size is a name or None.
    fixed = [pair for pair in zip(sizes, front_end.shape, strict=False) if isinstance(pair[0], int)]
    if (
        inputs[0].type != "tensor(float)"
        or len(sizes) != len(front_end.shape)
        or (isinstance(batch, int) and batch != 1)
        or any(isinstance(given, int) and given != size for size, given in fixed)
    ):
        raise InputError(f"{path}: takes {said}; {needed}")
    if len(output.shape) not in (0, 2):  # 0: unknown
        raise InputError(
            f"{path}: gives {output.name} {_shape(output)}; an extractor gives embeddings [B, D]"
        )
    length = sizes[front_end.growing]
    return (
        inputs[0].name,
        batch if isinstance(batch, int) else None,
        length if isinstance(length, int) else None,
    )


def _cut(features: np.ndarray, length: int, axis: int) -> list[np.ndarray]:
    """Cut the features of a recording into windows of one length."""
    whole = np.moveaxis(features, axis, 0)
    if 0 < len(whole) < length:
        whole = whole[np.arange(length) % len(whole)]
    count = -(-len(whole) // length)
    starts = np.linspace(0, len(whole) - length, count).round().astype(int)
    return [np.moveaxis(whole[start : start + length], 0, axis) for start in starts]


def _mean(embeddings: list[np.ndarray]) -> np.ndarray:
    return np.stack(embeddings).mean(axis=0, dtype=np.float64).astype(np.float32)


def _names(values: list[onnxruntime.NodeArg]) -> str:
    return ", ".join(f"{value.name} {_shape(value)}" for value in values) or "none"


def _shape(value: onnxruntime.NodeArg) -> str:
    return "[" + ", ".join("?" if n is None else str(n) for n in value.shape) + "]"


Model: TypeAlias = "SpeakerModel | OwnModel"
"""A speaker model of either kind."""


def open_model(
    path: Path | None,
    front_end: FrontEnd,
    settings: Extractor,
    device: str = "auto",
    deterministic: bool = True,
) -> Model:
    """Open the speaker model of the settings: an ONNX file, or a class of a user's own.

    `settings.model` and `settings.front_end` are ignored. Errors are those of the two classes.
    """
    if front_end.own:
        try:
            # It needs torch, which no other speaker model does.
            from workflow_src.embeddings.own_model import OwnModel
        except ModuleNotFoundError as error:
            raise InputError(
                f"{front_end.entry}: no module {error.name!r} is installed, which a class of your "
                "own needs; leave out --sdm conda, or install it"
            ) from error
        return OwnModel(front_end, path, settings.sha256, device, deterministic)
    if path is None:
        raise InputError(f"--model is missing; the front end {front_end.id} needs a model")
    return SpeakerModel(
        path,
        front_end,
        settings.sha256,
        device,
        deterministic,
        output=settings.output,
        windows=settings.windows,
        features=settings.features,
    )
