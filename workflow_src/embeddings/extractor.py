"""The speaker model: a front end, waveform to features, and an ONNX file, features to embedding."""

import hashlib
import importlib
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.limits import plain_size, read_apart, stopped_after
from workflow_src.settings.front_ends import FRONT_ENDS, FrontEnd

WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
# A run of the model may take this long: for any features, and for their numbers. A second of sound
# has 8,000 numbers as filter banks.
LEAST_SECONDS, NUMBERS_PER_SECOND = 60.0, 500.0
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class SpeakerModel:
    """A pretrained speaker model, checked when it is opened.

    Parameters
    ----------
    path
        An ONNX file with one input, float32, the features of B recordings of one length, and one
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

    Attributes
    ----------
    dim : int
        D.
    device : str
        ``cpu`` or ``cuda``, as used.
    front_end : FrontEnd
        As given.
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
    ) -> None:
        content = _read_model(path, sha256)
        self._path = path
        self.front_end = front_end
        function = front_end.entry.partition(":")[2]
        self._compute_features = getattr(importlib.import_module(front_end.module), function)
        if device == "cpu" or PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
            # A model is a program: it may never end, or take all memory.
            read_apart(lambda _: self._open(content, device, deterministic), Path(path))
        self._open(content, device, deterministic)

    def _open(self, content: bytes, device: str, deterministic: bool) -> tuple[None, list]:
        """Open the model and run it once."""
        self._session, self.device = _open_session(content, self._path, device, deterministic)
        found = _check_interface(self._session, self._path, self.front_end)
        self._input, self.max_batch = found
        self.dim = self._probe()
        return None, []

    def compute_features(self, waveform: np.ndarray) -> np.ndarray:
        """Compute the front end's features, float32, of a recording, float32 [samples]."""
        return self._compute_features(waveform)

    def embed(self, features: np.ndarray) -> np.ndarray:
        """Compute embeddings, float32 [B, D], of features, float32 [B, ...], without padding.

        Raises
        ------
        InputError
            The model fails on features of this shape, or does not end.
        """
        options = onnxruntime.RunOptions()
        seconds = LEAST_SECONDS + features.size / NUMBERS_PER_SECOND
        try:
            with stopped_after(seconds, lambda: setattr(options, "terminate", True)):
                return self._session.run(None, {self._input: features}, options)[0]
        except Exception as error:  # onnxruntime's own exceptions have no useful common base
            why = f"it did not end in {seconds:.0f} s" if options.terminate else first_line(error)
            raise InputError(
                f"{self._path}: does not run on features {list(features.shape)}: {why}"
            ) from error

    def _probe(self) -> int:
        """Run the model and return D; declared shapes may be open or wrong."""
        noise = np.random.default_rng(0).standard_normal(2 * self.front_end.sample_rate) / 10
        features = self.compute_features(noise.astype(np.float32))
        path = self._path
        embeddings = self.embed(features[None])
        shape = np.shape(embeddings)
        if len(shape) != 2 or shape[0] != 1 or shape[1] == 0:
            raise InputError(
                f"{path}: gives an output of shape {list(shape)} for 1 recording; an extractor "
                "gives embeddings [B, D]"
            )
        if embeddings.dtype != np.float32:
            raise InputError(f"{path}: gives {embeddings.dtype} numbers; float32 is needed")
        if not np.array_equal(embeddings, self.embed(features[None]), equal_nan=True):
            raise InputError(
                f"{path}: gives other embeddings of the same recording each time; export the model "
                "for inference, without dropout or other random nodes"
            )
        if self.max_batch is None and not self._takes_batches(features, embeddings[0]):
            self.max_batch = 1
        return int(shape[1])

    def _takes_batches(self, features: np.ndarray, embedding: np.ndarray) -> bool:
        """Whether a recording has the same embedding beside another one.

        A model that was traced with one recording may call its batch free all the same.
        """
        try:
            embeddings = self.embed(np.stack([features[::-1], features]))
        except InputError:
            return False
        if np.shape(embeddings) != (2, len(embedding)):
            return False
        return np.allclose(embeddings[1], embedding, rtol=1e-3, atol=1e-4, equal_nan=True)


def _read_model(path: str | Path, sha256: str | None) -> bytes:
    plain_size(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the extractor cannot be read ({error.strerror}); extractor.model names it"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 and sha256.strip().lower() != found:
        raise InputError(
            f"{path}: has the sha256 {found}, but extractor.sha256 asks for {sha256.strip()}"
        )
    return content


def _open_session(
    content: bytes, path: str | Path, device: str, deterministic: bool
) -> tuple[onnxruntime.InferenceSession, str]:
    offered = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    if device == "cuda" and not offered:
        raise InputError(
            "compute.device: cuda was asked for, but this onnxruntime has no CUDA; install "
            "onnxruntime-gpu in its place, or choose cpu or auto"
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


def _check_interface(
    session: onnxruntime.InferenceSession, path: str | Path, front_end: FrontEnd
) -> tuple[str, int | None]:
    """Return the name of the input, and how many recordings it takes if that is fixed."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"{path}: has the inputs {_names(inputs)} and the outputs {_names(outputs)}; an "
            "extractor has one of each"
        )
    said = f"{inputs[0].name} {inputs[0].type} {_shape(inputs[0])}"
    needed = f"the front end {front_end.id} gives tensor(float) {front_end.batch_shape}"
    batch, *sizes = inputs[0].shape or [None]
    # An open size is a name or None.
    fixed = [pair for pair in zip(sizes, front_end.shape, strict=False) if isinstance(pair[0], int)]
    if (
        inputs[0].type != "tensor(float)"
        or len(sizes) != len(front_end.shape)
        or (isinstance(batch, int) and batch != 1)
        or any(given not in (size, "T") for size, given in fixed)
    ):
        raise InputError(f"{path}: takes {said}; {needed}")
    if any(given == "T" for _, given in fixed):
        raise InputError(f"{path}: takes {said}, recordings of one length; {needed} with any T")
    if len(outputs[0].shape) not in (0, 2):  # 0: unknown
        raise InputError(
            f"{path}: gives {outputs[0].name} {_shape(outputs[0])}; an extractor gives "
            "embeddings [B, D]"
        )
    return inputs[0].name, batch if isinstance(batch, int) else None


def _names(values: list[onnxruntime.NodeArg]) -> str:
    return ", ".join(f"{value.name} {_shape(value)}" for value in values) or "none"


def _shape(value: onnxruntime.NodeArg) -> str:
    return "[" + ", ".join("?" if n is None else str(n) for n in value.shape) + "]"
