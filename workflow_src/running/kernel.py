"""The kernel of notebooks: IPython's, without what lies in the working directory."""

import contextlib
import tempfile

from ipykernel import kernelapp


def main() -> None:
    """Start the kernel; its command line is that of ``ipykernel_launcher``."""
    # Matplotlib reads a matplotlibrc of the working directory as it is imported.
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
        import matplotlib  # noqa: F401
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
