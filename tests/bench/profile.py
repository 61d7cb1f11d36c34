# SPDX-License-Identifier: BSD-2-Clause
"""Counts the instructions that one answer costs us outside of the kernel, by function, with callgrind.

Counts are the same however busy the machine is, to a per cent.  What the crypto library does is counted for a processor
without instructions for SHA, which callgrind does not know.
"""
import re
import subprocess
import sys

import bench
from lab import Lab

REQUESTS = 20_000
TOP = 12
PATH = "on_readable"    # of src/server/serve.c: all that a socket that turns readable costs


class Counted(bench.Server):
    """Our daemon in callgrind, which counts while the path of packets runs."""

    def _ours(self, conf):
        argv, env = super()._ours(conf)
        self.counts = self.node.dir / "callgrind.out"
        return ["valgrind", "--quiet", "--tool=callgrind", f"--toggle-collect={PATH}", f"--callgrind-out-file={self.counts}"] + argv, env


def count(case):
    """(answers, [(instructions, function)], all instructions) of a case."""
    with Lab(f"profile-{case.name}", bench.OUTPUT) as lab:
        server = Counted(lab, 0, next(c for c in case.contestants if c.name == "ntpd"), case)
        turn = server.ask(20, warm_up=0, count=REQUESTS)
        server.process.stop()
        listing = subprocess.run(["callgrind_annotate", "--threshold=100", server.counts], check=True, capture_output=True, text=True).stdout
    found = []
    for line in listing.splitlines():
        row = re.match(r" *([\d,]+) \([ \d.]+%\)  \S+?:(\S+)(?: \[(.*)\])?$", line)
        if row:
            where = "" if row[3] is None or row[3].endswith("ntpd") else " (" + row[3].rsplit("/", 1)[-1] + ")"
            found.append((int(row[1].replace(",", "")), row[2].split("'")[0] + where))
    return turn["answered"], found


def main():
    known = bench.cases()
    bench.OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or ["plain", "protected", "sha1", "aes", "rules"]:
        answers, found = count(known[name])
        print(f"\n{name}: {sum(n for n, _ in found) / answers:.0f} instructions for each of {answers} answers")
        for n, function in sorted(found, reverse=True)[:TOP]:
            print(f"  {n / answers:8.1f}  {function}")


if __name__ == "__main__":
    main()
