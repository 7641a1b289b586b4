"""The front end fbank: log mel filter banks as the model's file tells, or the settings.

The keys in the file are those of sherpa-onnx. What neither tells is as in the training of the
file's framework.
"""

from collections.abc import Callable

import numpy as np

from workflow_src.embeddings.log_mel import LogMel
from workflow_src.settings.embeddings import Features

# The samples, the window and the mean of a framework's training.
FRAMEWORKS = {
    "wespeaker": Features(
        normalize_samples=False, window_type="hamming", feature_normalize_type="global-mean"
    ),
    "3d-speaker": Features(
        normalize_samples=True, window_type="povey", feature_normalize_type="global-mean"
    ),
}


def make_fbank(told: Features, framework: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from a waveform, float32 [samples], to features, float32 [T, feat_dim].

    Parameters
    ----------
    told
        What the file and the settings tell, with `sample_rate` and `feat_dim`.
    framework
        The framework of the training, empty where the file tells none.

    Raises
    ------
    ValueError
        Something is not told, or the framework is another.
    """
    if framework and framework not in FRAMEWORKS:
        raise ValueError(
            f"tells the framework {framework!r}; the front end fbank knows {', '.join(FRAMEWORKS)}"
        )
    usual = FRAMEWORKS.get(framework, Features()).model_dump()
    found = usual | told.model_dump(exclude_none=True)
    missing = [key for key, value in found.items() if value is None]
    if missing:
        raise ValueError(
            f"does not tell its features: the metadata lack {', '.join(missing)}, or framework "
            f"({', '.join(FRAMEWORKS)}); set extractor.features.{missing[0]}, or another "
            "extractor.front_end"
        )
    log_mel = LogMel(
        sample_rate=found["sample_rate"],
        bins=found["feat_dim"],
        window=found["window_type"],
        scale=1.0 if found["normalize_samples"] else 2.0**15,
    )
    try:
        log_mel.compute(np.zeros(log_mel.frame_length, np.float32))
    except ValueError as error:
        raise ValueError(
            f"tells features that cannot be computed: {log_mel.bins} mel filters at "
            f"{log_mel.sample_rate} Hz ({error})"
        ) from error
    subtract_mean = found["feature_normalize_type"] == "global-mean"
    return lambda waveform: log_mel.compute(waveform, subtract_mean)
