# SPDX-License-Identifier: GPL-2.0-or-later
"""The C programs of the tests and the bench, compiled when they are older than their source."""
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDER = TOP / "build-support"


def compiled(source, *options):
    """The path of the program made from a .c file, named from the top of the project; options: of the
    compiler, behind it."""
    source = TOP / source
    program = FOLDER / source.stem
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        FOLDER.mkdir(exist_ok=True)
        subprocess.run(["cc", "-O2", "-g", "-D_GNU_SOURCE", "-std=gnu2x", "-Wall", "-Wextra",
                        "-Werror", "-o", program, source, *options], check=True)
    return str(program)
