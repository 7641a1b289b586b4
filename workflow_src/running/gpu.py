"""Detecting a GPU."""

import shutil
import subprocess


def has_nvidia_gpu() -> bool:
    """Whether the driver lists an NVIDIA GPU on this machine; no CUDA library is needed."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return False
    listed = subprocess.run([command, "--list-gpus"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and listed.stdout.startswith("GPU ")
