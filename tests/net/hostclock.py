# SPDX-License-Identifier: BSD-2-Clause
"""Watches the machine's clock, to show that nobody touched it.  Only reads."""
import ctypes
import re
import time


class Timeval(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("usec", ctypes.c_long)]


class Timex(ctypes.Structure):
    """struct timex of adjtimex(2)."""
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
                ("constant", ctypes.c_long), ("precision", ctypes.c_long), ("tolerance", ctypes.c_long),
                ("time", Timeval), ("tick", ctypes.c_long), ("rest", ctypes.c_char * 256)]


def kernel_state():
    """What a daemon that steers would change: modes = 0 only reads."""
    buf = Timex(modes=0)
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(buf)) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    return {name: getattr(buf, name) for name in ("offset", "freq", "status", "constant", "tick")}


def real_against_raw():
    """CLOCK_REALTIME - CLOCK_MONOTONIC_RAW and CLOCK_MONOTONIC_RAW, in ns, read as close together as can be."""
    best = None
    for _ in range(20):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        real = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        if best is None or after - before < best[0]:
            best = after - before, real - (before + after) // 2, after
    return best[1:]


class Watch:
    """Remembers the machine's clock when made."""

    def __init__(self):
        self.state = kernel_state()
        self.difference, self.raw = real_against_raw()

    def moved(self):
        """Seconds by which the clock moved other than by the frequency it had."""
        difference, raw = real_against_raw()
        rate = self.state["freq"] / 65536e6 + (self.state["tick"] - 10000) / 10000
        return 1e-9 * (difference - self.difference) - 1e-9 * (raw - self.raw) * rate


CLOCK_CALLS = "adjtimex,clock_adjtime,settimeofday,clock_settime"


def traced(argv, output):
    """argv under strace, which writes the calls that could change a clock to a file."""
    return ["strace", "-D", "-f", "--seccomp-bpf", "-e", f"trace={CLOCK_CALLS}", "-e", "signal=none",
            "-o", output] + list(argv)


def attempts(trace):
    """Lines of a trace that try to change the clock, rather than to read its state."""
    return [line for line in trace.splitlines()
            if re.search(r"\b(adjtimex|clock_adjtime|settimeofday|clock_settime)\(", line)
            and not re.search(r"\bmodes=0\b", line)]
