"""Runs a command of jaxgan and kills it before its n-th change of a folder: doomed.py N FOLDER COMMAND ARGUMENT ...

With n = 0 it lives, and the last line on stderr is how many changes there were. Opening a file to write it is one.
"""

import os
import runpy
import signal
import sys

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink")
WRITING = os.O_WRONLY | os.O_RDWR


def where(event: str, arguments: tuple) -> str:
    """The path that is changed; a tree is removed by the descriptors of its folders."""
    path, folder = str(arguments[0]), arguments[-1] if event in ("os.remove", "os.rmdir") else -1
    return path if folder == -1 else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)


def main(last: int, folder: str, command: str) -> None:
    count = 0

    def heard(event: str, arguments: tuple) -> None:
        nonlocal count
        changes = event in CHANGES or (event == "open" and arguments[2] & WRITING)
        if changes and where(event, arguments).startswith(folder):
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)
    try:
        runpy.run_module(f"jaxgan.{command}", run_name="__main__", alter_sys=True)
    finally:
        if not last:
            print(count, file=sys.stderr)


if __name__ == "__main__":
    _, last, folder, command, *arguments = sys.argv
    sys.argv[1:] = arguments
    main(int(last), folder, command)
