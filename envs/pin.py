"""Set the version of every package in the pip lists of envs/*.yaml to the lock's."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCKS = ("requirements.lock", "requirements.torch.lock")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
ENTRY = re.compile(r"^(\s+- )([A-Za-z0-9._-]+)==(\S+)$", re.MULTILINE)


def main() -> None:
    """Rewrite the environment files; fail on a package that the locks lack."""
    lock = dict(PIN.findall("".join((HERE.parent / name).read_text() for name in LOCKS)))
    for path in sorted(HERE.glob("*.yaml")):
        text = path.read_text()
        unknown = [name for _, name, _ in ENTRY.findall(text) if name not in lock]
        if unknown:
            sys.exit(f"error: {path.name}: {unknown[0]} is not in requirements.lock")
        path.write_text(ENTRY.sub(lambda entry: f"{entry[1]}{entry[2]}=={lock[entry[2]]}", text))


if __name__ == "__main__":
    main()
