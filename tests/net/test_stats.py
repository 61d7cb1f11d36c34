# SPDX-License-Identifier: BSD-2-Clause
"""The statistics files of a running daemon, read as ntpd's are."""
import csv
import json
import os
import pwd
import re
import signal
import statistics
import time

import daemons
from lab import wait_until
from ntpwire import read_variables

OURS = "192.0.2.1"
A, B6 = "192.0.2.11", "2001:db8::12"
DENIER = "192.0.2.99"
STATS = "/var/lib/ntp/stats/"
LINES = f"server {A} iburst minpoll 3 maxpoll 3\nserver {B6} iburst minpoll 3 maxpoll 3\n"
EVERYTHING = f"statsdir {STATS}\nstatistics loopstats peerstats clockstats rawstats sysstats protostats usestats\n"

TIME = r"(?P<mjd>\d{5}) (?P<sec>\d{1,5}\.\d{3})"
ADDR = r"(?P<addr>[0-9a-f.:]+)"
SECONDS = r"-?\d+\.\d{9}"
STAMP = r"\d{10}\.\d{9}"
FORMS = {
    "loopstats": rf"{TIME} (?P<offset>{SECONDS}) (?P<freq>-?\d+\.\d{{3}}) \d+\.\d{{9}} \d+\.\d{{6}} (?P<poll>\d+)",
    "peerstats": rf"{TIME} {ADDR} (?P<status>[0-9a-f]{{4}}) (?P<offset>{SECONDS}) (?P<delay>\d+\.\d{{9}}) \d+\.\d{{9}} "
                 r"\d+\.\d{9}",
    "rawstats": rf"{TIME} {ADDR} (?P<local>[0-9a-f.:]+) (?P<t1>{STAMP}) (?P<t2>{STAMP}) (?P<t3>{STAMP}) (?P<t4>{STAMP}) "
                r"(?P<leap>\d) (?P<version>\d) (?P<mode>\d) (?P<stratum>\d+) (?P<poll>-?\d+) (?P<precision>-\d+) "
                r"\d+\.\d{6} \d+\.\d{6} (?P<refid>\S+)",
    "sysstats": rf"{TIME} (?P<interval>\d+) (?P<received>\d+) (?P<processed>\d+)( \d+){{8}}",
    "usestats": rf"{TIME} (?P<interval>\d+) (?P<user>\d+\.\d{{3}}) (?P<system>\d+\.\d{{3}})( \d+){{9}}",
    "protostats": rf"{TIME} {ADDR} (?P<status>[0-9a-f]{{4}}) (?P<code>[0-9a-f]{{2}}) (?P<event>\S+)(?P<text> .+)?",
}
# What NTPsec's plotter makes of a directory: its own class for these files.
READER = """
import json, sys, time
from ntp.statfiles import NTPStats
s = NTPStats(sys.argv[1], endtime=int(time.time()) + 2, period=3600)
print(json.dumps({"peerstats": s.peerstats, "loopstats": s.loopstats, "rawstats": s.rawstats,
                  "peers": {k: len(v) for k, v in s.peersplit().items()}}))
"""


def upstream(lab, **settings):
    node = lab.node("up", A, B6)
    return daemons.TimeServer(node, {A: {"refid": "PPS", **settings}, B6: {"refid": "GPS", **settings}})


def client(lab, name="client", *addrs):
    node = lab.node(name, *(addrs or (OURS, "2001:db8::1")))
    (node.dir / STATS.removeprefix("/var/").rstrip("/")).mkdir()
    return node


def directory(node):
    return node.dir / STATS.removeprefix("/var/").rstrip("/")


def text_of(node, kind):
    """Of all days, should it be midnight; of the bare file where there are no days."""
    days = sorted(directory(node).glob(f"{kind}.*")) or list(directory(node).glob(kind))
    return "".join(path.read_text() for path in days)


def records(node, kind):
    """Lines of the file as dicts by column; refuses a line that is not of the form of its kind."""
    text = text_of(node, kind)
    assert text.endswith("\n"), f"{kind}: {text!r}"
    found = []
    for line in text.splitlines():
        match = re.fullmatch(FORMS[kind], line)
        assert match, f"{kind}: {line!r}"
        found.append(match.groupdict())
    return found


def unix(record):
    return (int(record["mjd"]) - 40587) * 86400 + float(record["sec"])


def since_1900(stamp):
    """Nanoseconds."""
    seconds, fraction = stamp.split(".")
    return int(seconds) * 10**9 + int(fraction)


def check_filegen_alone(node):
    """A filegen line for each kind, and no other, makes the same files."""
    assert {p.name.split(".")[0] for p in directory(node).iterdir()} == set(FORMS)
    for kind in FORMS:
        assert records(node, kind)


def stopped_run(lab):
    """A client that steps by half a second and follows two servers for a while, with everything on."""
    upstream(lab, offset=0.5, delay=0.002, jitter=0.002)
    node, other = client(lab), client(lab, "other", "192.0.2.2", "2001:db8::2")
    began = time.time()
    filegens = "".join(f"filegen {kind}\n" for kind in (*FORMS, "clockstats"))
    second = daemons.ntpd(other, f"server {A} iburst minpoll 1 maxpoll 1\nstatsdir {STATS}\n{filegens}")
    process = daemons.ntpd(node, LINES.replace("poll 3", "poll 1") + EVERYTHING)
    daemons.wait_synchronised(node)
    wait_until(lambda: text_of(node, "peerstats").count(A) >= 2 and text_of(node, "peerstats").count(B6) >= 2
               and text_of(node, "loopstats").count("\n") >= 3 and time.time() > began + 7, 90, "samples of both servers are on file", interval=0.5)
    assert (process.stop(), second.stop()) == (0, 0)
    check_filegen_alone(other)
    return node, began, time.time()


def check_times(node, began, ended):
    for kind in FORMS:
        for record in records(node, kind):
            # By our clock, which was half a second behind at first.
            assert began - 1 < unix(record) < ended + 1, (kind, record)


def check_raw(node):
    raw = records(node, "rawstats")
    assert {r["addr"] for r in raw} == {A, B6}
    for r in raw:
        assert r["local"] == (OURS if r["addr"] == A else "2001:db8::1")
        assert (r["leap"], r["version"], r["mode"], r["stratum"]) == ("0", "4", "4", "1")
        assert r["refid"] == (".PPS." if r["addr"] == A else ".GPS.")
        t1, t2, t3, t4 = (since_1900(r[t]) for t in ("t1", "t2", "t3", "t4"))
        assert 0 < t4 - t1 < 10**9 and 0 <= t3 - t2 < 10**9
        assert abs(t4 / 1e9 - 2208988800 - unix(r)) < 0.7
    return raw


def offsets(raw, addr):
    """Offset and delay of each reply, s, from its timestamps as RFC 5905 has it."""
    for r in raw:
        if r["addr"] == addr:
            t1, t2, t3, t4 = (since_1900(r[t]) for t in ("t1", "t2", "t3", "t4"))
            yield ((t2 - t1) + (t3 - t4)) / 2e9, ((t4 - t1) - (t3 - t2)) / 1e9


def check_peers(node, raw):
    peers = records(node, "peerstats")
    for addr in (A, B6):
        measured = list(offsets(raw, addr))
        mine = [r for r in peers if r["addr"] == addr]
        assert len(mine) <= len(measured), "at most one best sample for each reply"
        # Until the clock is moved, the sample on file is one that the timestamps on file give.
        assert any(abs(float(mine[0]["offset"]) - o) < 2e-9 and abs(float(mine[0]["delay"]) - d) < 2e-9 for o, d in measured)
        # Configured and reachable.
        assert all(int(r["status"], 16) & 0x9000 == 0x9000 for r in mine)
    assert abs(float(peers[0]["offset"]) - 0.5) < 0.01


def check_events(node):
    events = [(r["addr"], r["event"], r["text"]) for r in records(node, "protostats")]
    assert events[:2] == [("0.0.0.0", "restart", None), ("0.0.0.0", "freq_not_set", None)]
    for addr in (A, B6):
        own = [e for a, e, _ in events if a == addr]
        assert own[:2] == ["mobilize", "reachable"], events
    assert any(e == "sys_peer" for _, e, _ in events)
    system = [(e, t) for a, e, t in events[2:] if a == "0.0.0.0"]
    # Where the first samples do not tell the frequency yet, it is measured.
    assert [e for e, _ in system if e != "freq_mode"] == ["clock_step", "clock_sync"], system
    assert abs(float(system[0][1].split()[0]) - 0.5) < 0.01
    for r in records(node, "protostats"):
        peer = r["addr"] != "0.0.0.0"
        assert int(r["code"], 16) & 0x80 == (0x80 if peer else 0)
        assert int(r["status"], 16) & 15 == int(r["code"], 16) & 15


def check_totals(node, raw, began, ended):
    (system,), (usage,) = records(node, "sysstats"), records(node, "usestats")
    for record in (system, usage):
        assert 5 < int(record["interval"]) <= ended - began + 1
    assert int(system["processed"]) == len(raw)
    assert int(system["received"]) >= len(raw)
    assert 0 < float(usage["user"]) + float(usage["system"]) < ended - began


def check_ntpsec_reads_them(node, lines):
    result = node.run(["/usr/bin/python3", "-B", "-c", READER, STATS.rstrip("/")], env=daemons.PEER_ENV)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    for kind in ("peerstats", "loopstats", "rawstats"):
        assert sorted(row[2:] for row in seen[kind]) == sorted(line.split()[2:] for line in lines[kind]), kind
    assert seen["peers"] == {a: sum(a in line.split() for line in lines["peerstats"]) for a in (A, B6)}


# Units of ntpviz, per one of ours.
UNITS = {"ppm": 1, "ppb": 1e3, "s": 1, "ms": 1e3, "\xb5s": 1e6, "ns": 1e9, "ps": 1e12}


def plotted(node):
    """What ntpviz says of each curve that it has drawn, by its name; and the names of its pictures."""
    out = node.dir / "plots"
    result = node.run(["/usr/bin/python3", "-B", daemons.PEERS / "usr/bin/ntpviz", "-g", "-w", "s", "-d", STATS.rstrip("/"), "-o", out],
                      env=daemons.PEER_ENV, timeout=60)
    assert result.returncode == 0, result.stderr
    assert [line for line in result.stderr.splitlines() if "no temps to graph" not in line] == []
    with open(out / "summary.csv", encoding="utf-8", newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    return rows, {p.name for p in out.glob("*.png") if p.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and p.stat().st_size > 4000}


def check_ntpviz_draws_them(node, lines):
    """NTPsec's plotter makes its pictures of the files, and what it sums up is what is on file."""
    def column(kind, n, addr=""):
        words = [line.split() for line in lines[kind]]
        return [float(w[n]) for w in words if addr in ("", w[2])]

    rows, pictures = plotted(node)
    curves = {"Local Clock Time Offset": column("loopstats", 2), "Local Clock Frequency Offset": column("loopstats", 3),
              "Local RMS Time Jitter": column("loopstats", 4), "Local RMS Frequency Jitter": column("loopstats", 5)}
    for addr in (A, B6):
        curves[f"Server Offset {addr}"] = column("peerstats", 4, addr)
        curves[f"Server Jitter {addr}"] = column("peerstats", 7, addr)
    assert set(rows) == set(curves)
    for name, values in curves.items():
        factor = UNITS[rows[name]["Units"]]
        for figure, ours in (("Min", min(values)), ("Max", max(values)), ("Mean", statistics.mean(values))):
            assert abs(float(rows[name][figure]) - ours * factor) < 1e-3, (name, figure, rows[name], values)
    wanted = {"local-offset", "local-jitter", "local-stability", "local-offset-histogram", "peer-offsets", "peer-jitters"}
    wanted |= {f"peer-{what}-{addr.replace(':', '-')}" for what in ("offset", "jitter") for addr in (A, B6)}
    assert {name + ".png" for name in wanted} <= pictures, pictures


def test_statistics_of_a_run_have_the_columns_of_ntpd_and_are_true(lab):
    node, began, ended = stopped_run(lab)
    days = {time.strftime("%Y%m%d", time.gmtime(t)) for t in (began - 1, ended + 1)}
    names = {p.name for p in directory(node).iterdir()}
    assert {n.split(".")[0] for n in names} == set(FORMS), "no clockstats: there is no reference clock"
    assert names <= set(FORMS) | {f"{kind}.{day}" for kind in FORMS for day in days}
    for kind in FORMS:
        assert any((directory(node) / kind).samefile(directory(node) / n) for n in names if n.startswith(kind + "."))
    check_times(node, began, ended)
    raw = check_raw(node)
    check_peers(node, raw)
    check_events(node)
    check_totals(node, raw, began, ended)
    assert all(r["poll"] == "1" and abs(float(r["freq"])) <= 500 for r in records(node, "loopstats"))
    lines = {k: text_of(node, k).splitlines() for k in FORMS}
    check_ntpsec_reads_them(node, lines)
    check_ntpviz_draws_them(node, lines)


def test_unprivileged_daemon_owns_its_files_and_the_command_line_says_where(lab):
    upstream(lab)
    node = client(lab)
    nobody = pwd.getpwnam("nobody")
    os.chown(directory(node), nobody.pw_uid, nobody.pw_gid)
    daemons.ntpd(node, LINES + "statsdir /nowhere\nstatistics rawstats\nfilegen rawstats type pid\n", "-u", "nobody",
                 "-s", STATS.rstrip("/"))
    found = wait_until(lambda: list(directory(node).glob("rawstats.#*")), 20, "rawstats is there")
    assert found[0].name == "rawstats.#" + (node.dir / "run/ntpd.pid").read_text().strip()
    assert (found[0].stat().st_uid, found[0].stat().st_mode & 0o777) == (nobody.pw_uid, 0o644)


def test_missing_directory_is_told_once_and_used_when_it_comes(lab):
    upstream(lab)
    node = client(lab)
    directory(node).rmdir()
    process = daemons.ntpd(node, LINES + EVERYTHING + "filegen rawstats type none\n")
    daemons.wait_synchronised(node)
    process.wait_log(r"rawstats: statistics cannot be written and are dropped: No such file or directory$")
    wait_until(lambda: daemons.peers(node)[A].tally == "*" or daemons.peers(node)[B6].tally == "*", 10, "it goes on")
    assert not directory(node).exists()
    directory(node).mkdir()
    wait_until(lambda: text_of(node, "rawstats"), 30, "rawstats is there")
    assert len(re.findall(r"rawstats: statistics cannot", process.log())) == 1
    assert len(re.findall(r"statistics cannot", process.log())) <= 4, process.log()


def processed(node):
    """Replies that the daemon has got, as ntpq tells."""
    with node.socket() as sock:
        return int(read_variables(sock, "127.0.0.1", 0, "ss_processed")["ss_processed"])


def test_reload_turns_statistics_on_and_off(lab):
    upstream(lab)
    node = client(lab)
    process = daemons.ntpd(node, LINES + f"statsdir {STATS}\n")
    conf = node.dir / "ntpd.conf"
    daemons.wait_synchronised(node)
    assert not list(directory(node).iterdir())

    def reload(text, count):
        conf.write_text(text)
        process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: process.log().count("configuration read again") == count, 5, "it reads the file again")

    reload(LINES + EVERYTHING, 1)
    wait_until(lambda: text_of(node, "rawstats"), 20, "rawstats is there")
    reload(LINES + EVERYTHING + "disable stats\n", 2)
    before, heard = text_of(node, "rawstats"), processed(node)
    wait_until(lambda: processed(node) >= heard + 2, 40, "replies come")
    assert text_of(node, "rawstats") == before


def test_server_that_denies_and_one_that_falls_silent_are_events(lab):
    node = lab.node("up", A, DENIER)
    server = daemons.TimeServer(node, {A: {}, DENIER: {"kod": "DENY"}})
    ours = client(lab)
    daemons.ntpd(ours, f"server {A} iburst minpoll 3 maxpoll 3\nserver {DENIER}\n{EVERYTHING}")
    daemons.wait_synchronised(ours)
    wait_until(lambda: f"{DENIER} " in text_of(ours, "protostats") and "access_denied" in text_of(ours, "protostats"), 20,
               "the denial is on file", interval=0.5)
    (denied,) = [r for r in records(ours, "protostats") if r["event"] == "access_denied"]
    assert (denied["addr"], denied["code"]) == (DENIER, "88")
    (kiss,) = [r for r in records(ours, "rawstats") if r["addr"] == DENIER]
    assert (kiss["stratum"], kiss["refid"]) == ("0", ".DENY.")
    assert DENIER not in text_of(ours, "peerstats")
    server.set(A, drop=1)
    wait_until(lambda: "no_sys_peer" in text_of(ours, "protostats"), 110, "the loss is on file", interval=1)
    events = [(r["addr"], r["event"]) for r in records(ours, "protostats")]
    assert (A, "unreachable") in events and events.index((A, "unreachable")) < events.index(("0.0.0.0", "no_sys_peer"))
