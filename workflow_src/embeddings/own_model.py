"""A speaker model as a user's own torch class: waveforms to embeddings.

docs/extractors.md has the contract of such a class.
"""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

import numpy as np
import torch

from workflow_src.common.devices import take_device
from workflow_src.common.digests import digest_entry
from workflow_src.common.entries import describe_failure, import_class
from workflow_src.common.errors import InputError
from workflow_src.embeddings.model_files import read_model
from workflow_src.embeddings.probing import probe
from workflow_src.running.threads import use_one_thread
from workflow_src.settings.front_ends import FrontEnd

LEAST_RATE, HIGHEST_RATE = 4000, 192_000


class OwnModel:
    """A speaker model of a user's own class, checked when it is opened.

    Parameters
    ----------
    front_end
        The row of the class.
    path
        The file of its weights, which the class reads itself; None: the class is made without.
    sha256
        Digest that the file must have, in hexadecimal; None: any.
    device, deterministic
        As for `SpeakerModel`.

    Attributes
    ----------
    digest : str
        sha256 of the digests of the class's code and of its weights, in hexadecimal.
    dim : int
        D.
    device : str
        ``cpu`` or ``cuda``, as used.
    front_end : FrontEnd
        As given, with the sample rate of the class.
    max_batch : int or None
        1 for a model that takes one recording at a time, None for any other.

    Raises
    ------
    InputError
        The class is missing, cannot be imported or made, states no sample rate, fails on a
        waveform, or gives no embeddings, or others each time; or its file has another digest; or
        the device is missing.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        path: Path | None = None,
        sha256: str | None = None,
        device: str = "auto",
        deterministic: bool = True,
    ) -> None:
        # torch was not there when the step began.
        use_one_thread()
        self._name = front_end.entry
        weights = "none" if path is None else read_model(path, sha256)[1]
        kind = import_class(front_end.entry, front_end.folder, torch.nn.Module, "a torch module")
        self._file = inspect.getsourcefile(kind)
        taken = take_device(device, deterministic)
        self.device = taken.type
        try:
            self._module = kind(*[] if path is None else [str(path)]).eval().to(taken)
        # A stranger's class can raise any error.
        except Exception as error:
            given = "without arguments" if path is None else f"from {path}"
            raise InputError(
                f"{self._name}: cannot be made {given}: it fails "
                f"{describe_failure(error, self._file)}"
            ) from error
        rate = getattr(self._module, "sample_rate", None)
        if not isinstance(rate, int) or not LEAST_RATE <= rate <= HIGHEST_RATE:
            raise InputError(
                f"{self._name}: its sample_rate is {rate!r}; the class must state that of the "
                f"waveforms that it takes, a whole number from {LEAST_RATE} to {HIGHEST_RATE} (Hz)"
            )
        self.front_end = front_end.model_copy(update={"sample_rate": rate})
        code = digest_entry(front_end.entry, front_end.folder)
        self.digest = hashlib.sha256(f"{code} {weights}".encode()).hexdigest()
        noise = np.random.default_rng(0).standard_normal(2 * rate, np.float32) / 10
        self.dim, self.max_batch = probe(self._name, self.embed, noise, None)

    def compute_features(self, waveform: np.ndarray) -> np.ndarray:
        """Return the waveform, float32 [S], in [-1, 1]: the class does the rest."""
        return waveform

    def embed(self, features: np.ndarray) -> np.ndarray:
        """Compute embeddings, float32 [B, D], of waveforms of one length, float32 [B, S].

        Raises
        ------
        InputError
            The class fails on them, or gives anything but a tensor.
        """
        waveforms = torch.from_numpy(np.ascontiguousarray(features)).to(self.device)
        try:
            with torch.inference_mode():
                found = self._module(waveforms)
            if isinstance(found, torch.Tensor) and found.dtype == torch.float32:
                return found.cpu().numpy()
        except Exception as error:
            raise InputError(
                f"{self._name}: does not run on waveforms {list(features.shape)}: it fails "
                f"{describe_failure(error, self._file)}"
            ) from error
        is_tensor = isinstance(found, torch.Tensor)
        said = f"tensor of {found.dtype}" if is_tensor else type(found).__name__
        raise InputError(
            f"{self._name}: gives a {said}; it must give a tensor of torch.float32, the embeddings "
            "[B, D]"
        )
