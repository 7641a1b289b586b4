"""Choosing the device of a heavy step."""

import shutil
import subprocess


def has_nvidia_gpu() -> bool:
    """Whether this machine has an NVIDIA device that its driver lists; needs no CUDA library."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return False
    listed = subprocess.run([command, "--list-gpus"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and listed.stdout.startswith("GPU ")
