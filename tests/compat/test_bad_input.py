# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a configuration file says, ntpd says what is wrong with it and where, and never falls over.

The lines are made from the tables: every directive and option with an argument missing, too many, malformed and out of range.
"""
import math
import os
import re
import resource
import subprocess

import pytest

import daemons
import tables
from lab import program, wait_until

MEMORY = 256 << 20      # octets of address space that are enough for any file (CONF-02)
TIME = 20               # seconds that are enough
DIRECTIVES, LINES, BOUNDS = tables.directives(), tables.lines(), tables.bounds()

# What a line begins with so that an option may follow; other directives take options at once.
STEMS = {
    "server": "server 192.0.2.9", "pool": "pool pool.example", "peer": "peer 192.0.2.9", "broadcast": "broadcast 192.0.2.255",
    "manycastclient": "manycastclient 239.1.1.1", "refclock": "refclock shm", "fudge": "fudge 127.127.28.0",
    "device": "device 127.127.20.0", "filegen": "filegen peerstats", "trap": "trap 192.0.2.9",
}
ON_CLOCKS = {("server", "mode"), ("peer", "mode")}

# Directives for which any words will do, so that none is too many.
ANYTHING = {
    "authenticate", "authdelay", "precision", "maxskew", "clientlimit", "clientperiod", "resolver", "pps", "set_tickadj", "slewalways",
    "simulate",
}
# More may follow: only what cannot be one of its words is too much.
MORE = {
    "unpeer": None, "unconfig": None, "logconfig": None, "multicastclient": None, "manycastserver": None, "trustedkey": "}", "statistics": "}",
    "broadcastclient": None, "phone": None,
}
# Lines with an argument that is not of the right form, by directive; numbers and options are tried by their rows.
MALFORMED = {
    "server": ["server 999.1.2.3", "server 192.0.2.1.5", "server -4 2001:db8::1", "server 239.1.1.1", "server 127.0.0.1", "server a/b",
               "server 127.127.99.0", "server 2001:db8:::1", 'server ""', "server {", "server 192.0.2.1 =", "server a..b:c"],
    "pool": ["pool 127.127.28.0", "pool 300.1.1.1", "pool (", "pool -6 192.0.2.1"],
    "peer": ["peer 192.0.2.256", "peer 224.0.1.1", "peer ;"],
    "broadcast": ["broadcast 192.0.2.300", "broadcast ="],
    "manycastclient": ["manycastclient 239.1.1", "manycastclient }"],
    "restrict": ["restrict 192.0.2.0/33", "restrict 192.0.2.0/-1", "restrict 192.0.2.0/x", "restrict 2001:db8::/129", "restrict 192.0.2",
                 "restrict 192.0.2.0 mask", "restrict 192.0.2.0 mask 255.255", "restrict 192.0.2.0 mask ffff::", "restrict default mask 0.0.0.0",
                 "restrict default nomodifi", "restrict -4 ::1", "restrict default ippeerlimit",
                 "restrict default ippeerlimit many", "restrict default serverresponse", "restrict default { nomodify }"],
    "unrestrict": ["unrestrict 192.0.2.0/99", "unrestrict 192.0.2.0/24 nonsense"],
    "delrestrict": ["delrestrict 192.0.2.0/99", "delrestrict source"],
    "fudge": ["fudge 127.0.0.1 stratum 10", "fudge 127.127.28 stratum 1", "fudge SHM(0) stratum 1"],
    "device": ["device /dev/ttyS0", "device 192.0.2.1 timedata x"],
    "refclock": ["refclock sundial", "refclock 28", "refclock {"],
    "trustedkey": ["trustedkey x", "trustedkey (1 ... )", "trustedkey (1 2)", "trustedkey 1 ... 5", "trustedkey (5 ... 1)", "trustedkey 0",
                   "trustedkey 65536", "trustedkey -1", "trustedkey 4294967297", "trustedkey (1 ... 5", "trustedkey 1.5"],
    "pollskewlist": ["pollskewlist 2 1|1", "pollskewlist 18 1|1", "pollskewlist 6 33|1", "pollskewlist 6 1 1", "pollskewlist x 1|1",
                     "pollskewlist 6 x|1"],
    "interface": ["interface hear all", "interface listen", "interface listen 192.0.2.0/33", "interface LISTEN eth0"],
    "nic": ["nic allow eth0", "nic drop 2001:db8::/200"],
    "setvar": ["setvar x", "setvar = 1", "setvar x =", "setvar a,b = 1", "setvar x = 1 always"],
    "logconfig": ["logconfig =everything", "logconfig +", "logconfig syncstat"],
    "leapfile": ["leapfile /x nohash", 'leapfile ""'],
    "clock": ["clock sundial", "clock SOFTWARE"],
    "statistics": ["statistics everything", "statistics peerstats lopstats"],
    "filegen": ["filegen everything", "filegen peerstats type sometimes", "filegen peerstats file ../x", "filegen peerstats file", "filegen"],
    "driftfile": ["driftfile /x often", "driftfile /x -1", "driftfile /x nan"],
    "enable": ["enable everything", "enable NTP", "enable ="],
    "disable": ["disable everything", "disable ntp {"],
    "workers": ["workers 0", "workers -1", "workers many", "workers 100000", "workers AUTO"],
    "ttl": ["ttl x", "ttl 256", "ttl -1", "ttl 1 2 3 4 5 6 7 8 9"],
    "phone": ["phone 1 2 3 4 5 6 7 8 9 10 11", 'phone ""', "phone " + "9" * 64],
    "simulate": ["simulate", "simulate now"],
    "includefile": ["includefile /nowhere/at/all", 'includefile ""'],
    "mru": ["mru many"], "tos": ["tos 3"], "tinker": ["tinker =1"], "discard": ["discard 3"], "limit": ["limit 3"], "rlimit": ["rlimit -1"],
    "reset": ["reset everything"], "extra": ["extra 123"], "nts": ["nts now"], "crypto": ["crypto secret"],
    "trap": ["trap 192.0.2.9 123"], "end": ["end now"],
}
# Every string is a path or a group, as far as the line goes; addresses that are not there are for when the file is applied.
NEVER_MALFORMED = {"multicastclient", "manycastserver", "statsdir", "unpeer", "unconfig", "broadcastclient"} | ANYTHING

NOT_NUMBERS = ["x", "1x", "nan", "inf", "-inf", "1e999", "99999999999999999999", "0x", "=", '"1"', "--1", "1,5"]
# CONF-04, as far as the tables' own bounds do not make the same lines.
NUMBERS = {
    "server 192.0.2.9 minpoll 255": "warning", "server 192.0.2.9 minpoll -1": "warning", "server 192.0.2.9 minpoll 8 maxpoll 6": "warning",
    "server 192.0.2.9 maxpoll 255": "warning", "tinker panic nan": "error", "tinker panic inf": "error", "tinker panic -1": "error",
    "tinker panic 1e999": "error", "server 192.0.2.9 key 0": "error", "server 192.0.2.9 key 65536": "error",
    "server 192.0.2.9 key 4294967296": "error", "trustedkey 4294967296": "error", "controlkey 65536": "error", "extra port 0": "error",
    "extra port 65536": "error", "restrict 192.0.2.0 mask 255.0.255.0": None, "restrict default ippeerlimit 101": "warning",
    "tos minsane 5 minclock 3": None, "setvar x=1": None, "dscp 64": "error",
}


def check_config(path, **kwargs):
    """Exit status and output of ntpd --check-config; it never needs much memory or time."""
    def limit():
        if "asan" not in program("ntpd"):
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    result = subprocess.run([program("ntpd"), "--check-config", "-c", str(path)], capture_output=True, text=True, errors="replace",
                            timeout=TIME, preexec_fn=limit, check=False, **kwargs)
    assert result.returncode in (0, 1), result
    return result.returncode, result.stdout + result.stderr


REMARK = re.compile(r"^(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<kind>error|warning|note): (?P<text>.*)$", re.MULTILINE)


def remarks(output):
    """(kind, column, sentence) by line."""
    found = {}
    for m in REMARK.finditer(output):
        found.setdefault(int(m["line"]), []).append((m["kind"], int(m["column"]), m["text"]))
    return found


def wrong(tmp_path, cases, kind="error"):
    """Each line alone among right ones has a remark of that kind, with a place on the line and a sentence."""
    path = tmp_path / "bad.conf"
    path.write_text("".join(f"tos minsane 1\n{case}\n" for case in cases))
    status, output = check_config(path)
    assert status == (1 if kind == "error" else 0), output
    found, problems = remarks(output), []
    for i, case in enumerate(cases):
        if 2 * i + 1 in found:
            problems.append(f"the right line before '{case}' has a remark: {found[2 * i + 1]}")
        fit = [r for r in found.get(2 * i + 2, []) if r[0] == kind]
        if not fit:
            problems.append(f"'{case}' has no {kind}: {found.get(2 * i + 2)}")
        for _, column, text in fit:
            if not 1 <= column <= len(case) + 1 or len(text.split()) < 3:
                problems.append(f"'{case}': column {column}: {text}")
    assert not problems, "\n".join(problems)
    assert len(cases) > 1


def stem(bound):
    if (bound.directive, bound.name) in ON_CLOCKS:
        return "server 127.127.28.0"
    return STEMS.get(bound.directive, bound.directive)


def option_lines(bound, *values):
    return [f"{stem(bound)} {bound.name} {v}".rstrip() for v in values]


def number(v):
    return f"{v:.17g}"


def outside(bound):
    """Values just beyond both ends."""
    if bound.type == "bool":
        return ["2147483648", "-2147483649"]
    if bound.type == "int":
        return [number(bound.min - 1), number(bound.max + 1)]
    return [number(math.nextafter(bound.min, -math.inf)), number(math.nextafter(bound.max, math.inf))]


def test_every_directive_has_a_malformed_line_or_takes_anything():
    """So that a directive that is new is not forgotten here."""
    by_rows = {b.directive for b in BOUNDS if b.type in ("int", "number", "bool", "choice")}
    by_shape = {line.name for line in LINES if line.shape in ("int", "number", "path")}
    assert set(DIRECTIVES) - set(MALFORMED) - NEVER_MALFORMED - by_rows - by_shape == set()
    assert (set(MALFORMED) | NEVER_MALFORMED | set(MORE)) - set(DIRECTIVES) == set(), "a directive that no table has"


def test_missing_arguments(tmp_path):
    """CONF-01: a directive that needs an argument says so when there is none, and so does each option."""
    cases = [line.name for line in LINES if tables.needs_arguments(DIRECTIVES[line.name].synopsis)]
    for bound in BOUNDS:
        if bound.type != "set":
            cases += option_lines(bound, "")
    wrong(tmp_path, cases)


def test_extra_arguments(tmp_path):
    """CONF-01: what follows a complete line is an error, not something to step over."""
    cases = []
    for line in LINES:
        more = MORE.get(line.name, 'x"y') if line.name not in ANYTHING else None
        cases += [f"{line.example} {more}"] if more is not None else []
    wrong(tmp_path, cases)


def test_malformed_arguments(tmp_path):
    """CONF-01: an argument that is none is an error."""
    wrong(tmp_path, [case for cases in MALFORMED.values() for case in cases])


def test_words_that_are_no_numbers(tmp_path):
    """CONF-04: where a number belongs no word will do, nor any that no number can be."""
    cases = [f"{line.name} {bad}" for line in LINES if line.shape in ("int", "number") for bad in NOT_NUMBERS]
    for bound in BOUNDS:
        if bound.type in ("int", "number", "bool"):
            cases += option_lines(bound, *NOT_NUMBERS)
        elif bound.type == "choice":
            cases += option_lines(bound, "purple", "=")
    wrong(tmp_path, cases)


def test_numbers_out_of_range(tmp_path):
    """CONF-04: beyond either end of its range a number is refused."""
    cases = [f"{line.name} {number(v)}" for line in LINES if line.shape in ("int", "number")
             for v in (line.min - 1, line.max + 1)]
    for bound in BOUNDS:
        if bound.type in ("int", "number", "bool") and bound.policy == "refuse":
            cases += option_lines(bound, *outside(bound))
    wrong(tmp_path, cases)


def test_numbers_that_are_brought_into_range(tmp_path):
    """CONF-04: where ntpd takes the nearest bound we do too, and say so."""
    cases = []
    for bound in BOUNDS:
        if bound.policy == "clamp":
            # Reference clocks and the like have a warning of their own anyway: only sources and the rest are told apart.
            cases += option_lines(bound, *outside(bound))
    wrong(tmp_path, cases, kind="warning")


@pytest.mark.parametrize("line", NUMBERS)
def test_number_of_the_threat_model(tmp_path, line):
    """CONF-04."""
    path = tmp_path / "bad.conf"
    path.write_text(line + "\n")
    _, output = check_config(path)
    kinds = [kind for kind, _, text in remarks(output).get(1, []) if "no effect" not in text]
    assert set(kinds) == ({NUMBERS[line]} - {None}), output


def test_unknown_words_are_named(tmp_path):
    """CONF-01: directives, options and flags that nobody knows, and capital letters."""
    wrong(tmp_path, ["servr 192.0.2.1", "SERVER 192.0.2.1", "192.0.2.1", "=", "\"server\" 192.0.2.1", "server 192.0.2.1 ibrust",
                     "restrict default kod nomodfy", "tos minsan 3", "tinker panick 0", "disable moniter", "You do need to talk.",
                     "\xff\xfe"])


def test_obsolete_words_are_one_warning_each(tmp_path):
    """CONF-01: Autokey, traps, mode 7 and words of old releases are known: one warning, no error, and the file is right."""
    cases = ["crypto pw secret", "keysdir /etc", "trap 192.0.2.9", "enable mode7", "requestkey 5", "authenticate no",
             "server 192.0.2.7 autokey", "server 192.0.2.8 dynamic", "restrict 192.0.2.7 nopassword"]
    wrong(tmp_path, cases, kind="warning")


def test_mistyped_restriction_keeps_the_daemon_from_starting(lab):
    """CONF-01: a typing error must not leave a door open."""
    node = lab.node("node", "192.0.2.1")
    daemon = daemons.ntpd(node, "restrict default nomodify\nrestrict 192.0.2.0 mask 255.255.255.O noquery\n", may_end=True)
    assert daemon.wait(5) == 1
    assert re.search(r"ntpd\.conf:2:\d+: .*255\.255\.255\.O", daemon.log()), daemon.log()


# ---- hostile files ----

def nested(tmp_path, name, depth):
    """The first of files that include each other to that depth."""
    for i in range(1, depth):
        (tmp_path / f"{name}{i}").write_text(f"includefile {name}{i + 1}\n")
    (tmp_path / f"{name}{depth}").write_text("tos minsane x\n")
    return f"includefile {name}1\n".encode()


def hostile(tmp_path):
    """Contents by name, with what must be said: a pattern, or None where the file is right."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x.conf").write_text("tos minsane x\n")
    (tmp_path / "me").write_text("includefile me\n")
    (tmp_path / "ring1").write_text("includefile ring2\n")
    (tmp_path / "ring2").write_text("includefile ring1\n")
    for i in range(300):
        (tmp_path / f"fan{i}").write_text("tos minsane 1\n")
    # Each file includes ten, and those ten more, without end but for the limits.
    for i in range(5):
        (tmp_path / f"bomb{i}").write_text("".join(f"includefile bomb{i + 1}\n" for _ in range(10)))
    (tmp_path / "bomb5").write_text("tos minsane 1\n")
    return {
        "empty": (b"", None),
        "blank": (b" \t\r\n\n\n", None),
        "no_newline": (b"# x\ntos minsane x", r":2:13: error: "),
        "only_a_word": (b"tos", r":1:4: error: "),
        "crlf": (b"tos minsane 1\r\ntos minclock x\r\n", r":2:14: error: "),
        "old_mac": (b"tos minsane 1\rtos minclock 3\r", r":1:15: error: "),
        "bom": (b"\xef\xbb\xbftos minsane x\n", r":1:\d+: error: "),
        "utf16": ("tos minsane 3\n".encode("utf-16"), r":1:\d+: error: "),
        "nul": (b"tos minsane 1\ntos min\0sane 1\ntos minclock x\n", r":2:8: error: .*(NUL|text)"),
        "nul_at_the_end": (b"tos minsane 1\n\0", r":2:1: error: "),
        "binary": (bytes(range(256)) * 64, r":\d+:\d+: error: "),
        "elf": (open("/bin/true", "rb").read(), r":1:\d+: error: "),
        "high_octets": (bytes(range(128, 256)) + b"\n", r":1:1: error: "),
        "controls": (b"\x1b[2J\x07tos minsane 1\n", r":1:\d+: error: "),
        "megabyte_word": (b"x" * (1 << 20) + b"\ntos minsane x\n", r":2:13: error: "),
        "megabyte_line": (b"tos" + b" minsane 1" * 100000 + b"\ntos minsane x\n", r":2:13: error: "),
        "megabyte_comment": (b"#" + b"x" * (1 << 20) + b"\ntos minsane x\n", r":2:13: error: "),
        "megabyte_string": (b'driftfile "' + b"x" * (1 << 20), r":1:\d+: error: "),
        "megabyte_of_blanks": (b" " * (1 << 20) + b"tos minsane x\n", r":1:1048589: error: "),
        "ten_megabytes": (b"x" * (10 << 20), r"error: .*larger than"),
        "million_lines": (b"}\n" * 1000000, r":1000000:1: error: "),
        "open_quote": (b'driftfile "/var/lib/ntp/drift\ntos minsane x\n', r":2:13: error: "),
        "open_brace": (b"simulate {\ntos minsane x\n", r":1:\d+: error: .*(closed|block)"),
        "braces": (b"{" * 5000, r":1:1: error: "),
        "formats": (b"%s%n%s%n %n\nserver %s%n%1000000d\n", r":2:8: error: .*%s%n"),
        "itself": (b"includefile me\n", r"error: .*me > .*me"),
        "ring": (b"includefile ring1\n", r"error: .*ring1 > .*ring2"),
        "six_deep": (nested(tmp_path, "six", 6), r"six5:1:13: error: .*six1 > .*six2 > "),
        "five_deep": (nested(tmp_path, "five", 5), r"five5:1:13: error: .*minsane"),
        "fan_out": ("".join(f"includefile fan{i}\n" for i in range(300)).encode(), r":2\d\d:\d+: error: .*more than"),
        "bomb": (b"includefile bomb0\n", r"error: .*more than|error: .*within"),
        "directory": (b"includefile d\n", r"d/x\.conf:1:13: error: "),
        "missing_include": (b"includefile nowhere\ntos minsane x\n", r":1:13: error: .*No such file(.|\n)*:2:13: error: "),
        "device": (b"includefile /dev/zero\n", r":1:13: error: .*not a regular file"),
        "null_device": (b"includefile /dev/null\n", None),
    }


def test_hostile_files(tmp_path):
    """CONF-02 and CONF-03: each is read, or refused with the place and a sentence, within bounds of memory and time."""
    problems = []
    for name, (content, pattern) in hostile(tmp_path).items():
        path = tmp_path / f"{name}.conf"
        path.write_bytes(content)
        status, output = check_config(path)
        if (status == 0) != (pattern is None) or (pattern is not None and not re.search(pattern, output)):
            problems.append(f"{name}: exit {status}: {output[:600]}")
        # Nothing of the file reaches a terminal as it is.
        if re.search(r"[^\n\x20-\x7e]", output):
            problems.append(f"{name}: unprintable output")
    assert not problems, "\n".join(problems)


def test_places_that_are_no_files(tmp_path):
    """CONF-03: a directory, a device, a pipe, a loop of links and a file that everybody may write."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "open").write_text("tos minsane 1\n")
    (tmp_path / "open").chmod(0o666)
    for place, why in ((tmp_path, "directory|regular"), ("/dev/zero", "not a regular file"), (tmp_path / "fifo", "not a regular file"),
                       (tmp_path / "loop", "symbolic links"), (tmp_path / "open", "everybody"), (tmp_path / "none", "No such file")):
        status, output = check_config(place)
        assert status == 1 and re.search(why, output) and str(place) in output, (place, output)


def test_hostile_files_do_not_end_a_daemon_that_starts_with_them(lab, tmp_path):
    """CONF-02: what is no text keeps the daemon from starting, what is only wrong does not, and the rest of the file counts."""
    node = lab.node("node", "192.0.2.1")
    for name, content in (("binary", bytes(range(256)) * 64), ("nul", b"tos minsane 1\n\0")):
        (node.dir / "etc/ntp.conf").write_bytes(content)
        daemon = daemons.ntpd(node, name=name, may_end=True)
        assert daemon.wait(5) == 1 and re.search(r"ntp\.conf:\d+:\d+: ", daemon.log()), daemon.log()
    (node.dir / "etc/ntp.conf").write_bytes(b"x" * (1 << 20) + b"\r\n\xef\xbb\xbf\r\n" + b"tos minsane x\nsetvar last = here")
    daemon = daemons.ntpd(node)
    daemons.wait_answers(node)
    wait_until(lambda: "here" in node.run([program("ntpq"), "-c", "rv 0 last"]).stdout, 5, "the last line is not cut")
    assert re.search(r"ntp\.conf:1:1: ", daemon.log()) and re.search(r"ntp\.conf:3:13: ", daemon.log()), daemon.log()
