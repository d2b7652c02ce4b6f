#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""embed.py IN OUT FUNCTION HEADER: writes OUT, a C file whose FUNCTION() returns IN's text."""
import sys

source, out, function, header = sys.argv[1:]
lines = []
for line in open(source, encoding="utf-8"):
    text = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
    lines.append(f'\t"{text}\\n"')
with open(out, "w", encoding="utf-8") as file:
    file.write(f'#include "{header}"\n\nstatic const char text[] =\n' + "\n".join(lines) + ";\n\n")
    file.write(f"const char *{function}(void)\n{{\n\treturn text;\n}}\n")
