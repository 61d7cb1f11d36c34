# SPDX-License-Identifier: BSD-2-Clause
"""Directives and options take effect: on the wire, in what ntpq shows, in files and in exit codes.

Every row is looked at twice: at a daemon that has its lines, and at one beside it that has not, where it must not be so.  What a row shows
is named as in tests/compat/inventory; tests/compat/check holds the two against each other.
"""
import contextlib
import pathlib

import pytest

import effect_casts
import effect_clocks
import effect_world as world
from effect_world import Row
from known import Known
from lab import Lab

WORLDS = 2


def option(scope, *names):
    return tuple(f"option {scope} {name}" for name in names)


def directive(*names):
    return tuple(f"directive - {name}" for name in names)


# ---- sources: one daemon with all of them ----

def field(name, letter="A"):
    """A peer variable, as a number where it is one."""
    def see(side):
        found = side.reached(letter)
        if found is None or name not in found:
            return None
        try:
            return float(found[name])
        except ValueError:
            return found[name]
    return see


def hpoll(side):
    found = side.assoc()
    return int(found["hpoll"]) if found else None


def sent_soon(side):
    """Requests within eight seconds of the start."""
    return len(side.requests()) if side.daemon.age() > 8 else None


def version_sent(side):
    requests = side.requests()
    return requests[0]["header"][0] >> 3 & 7 if requests else None


def length_sent(side):
    """Octets of a request; 0 when none was sent within eight seconds."""
    requests = side.requests()
    return requests[0]["len"] if requests else 0 if side.daemon.age() > 8 else None


def intervals(side):
    """Seconds between the first two requests to each of the row's servers, once all were asked twice."""
    times = [[r["time"] for r in side.requests(letter)] for letter in side.row.servers]
    return [t[1] - t[0] for t in times] if all(len(t) > 1 for t in times) else None


def selection(side):
    """The selection code of a source that was heard, once the daemon is synchronised."""
    found = side.reached() if side.synchronised() == 0 else None
    return found and found["status"] >> 8 & 7


def system_peer(side):
    """Whether the server is the system peer, once there is one."""
    code = selection(side)
    return None if code is None else code == 6


KEYED = f"keys {world.KEYS_PATH}\ntrustedkey 7\n"

SOURCES = [
    Row(option("server", "iburst"), "server {A} iburst", sent_soon, lambda n: n >= 3, "server {A}"),
    Row(directive("server"), "server {A}", lambda s: s.addr["A"] in s.sources(), True),
    Row(option("server", "minpoll"), "server {A} minpoll 4", hpoll, 4, "server {A}"),
    Row(option("server", "maxpoll"), "server {A} maxpoll 5", hpoll, 5, "server {A}"),
    Row(option("server", "version"), "server {A} version 3", version_sent, 3, "server {A}"),
    Row(option("server", "bias"), "server {A} noselect bias 0.25", field("offset"), lambda ms: 200 < ms < 300, "server {A} noselect"),
    Row(option("server", "noselect"), "server {A} noselect", selection, 0, "server {A}"),
    # The other servers are nearer.
    Row(option("server", "prefer"), "server {A} prefer iburst", system_peer, True, "server {A} iburst", servers={"A": {"rootdisp": 0.05}}),
    Row(option("server", "key"), "server {A} key 7", length_sent, 48 + 4 + 20, "server {A}"),
    Row(option("pool", "minpoll"), "pool {name} minpoll 4", hpoll, 4, "pool {name}"),
    Row(option("pool", "maxpoll"), "pool {name} maxpoll 5", hpoll, 5, "pool {name}"),
    Row(option("pool", "version"), "pool {name} version 2", version_sent, 2, "pool {name}"),
    Row(option("pool", "iburst"), "pool {name} iburst", sent_soon, lambda n: n >= 3, "pool {name}"),
    Row(option("pool", "noselect"), "pool {name} noselect", selection, 0, "pool {name}"),
    Row(option("pool", "key"), "pool {name} key 7", length_sent, 72, "pool {name}"),
    Row(option("peer", "minpoll"), "peer {A} minpoll 4", hpoll, 4, "peer {A}"),
    Row(option("peer", "maxpoll"), "peer {A} maxpoll 5", hpoll, 5, "peer {A}"),
    Row(option("peer", "version"), "peer {A} version 3", version_sent, 3, "peer {A}"),
    Row(option("peer", "noselect"), "peer {A} noselect", selection, 0, "peer {A}"),
    Row(directive("pool"), "pool {name}", lambda s: {s.addr["A"], s.addr["B"]} <= s.sources(), True, servers={"A": {}, "B": {}}),
    Row((), KEYED + "tos maxclock 50", None, None, KEYED + "tos maxclock 50", servers={}),
]

# ---- serving: one daemon, with a client of its own for each row ----


def setvar(name):
    return lambda side: side.system(name).get(name, "nothing") if side.system("leap") else None


def shown_by_default(name):
    return lambda side: (found := side.system()) and name in found


def variable(name):
    return lambda side: int(side.system(name)[name], 0) if side.system("leap") else None


def precision(side):
    found = side.system("precision")
    return int(found["precision"]) if found else None


def served(side):
    """Whether the row's client gets the time, once anybody does."""
    return side.serves(side.addr["c"]) if side.answers() == "answer" else None


def mru(side):
    return world.mru_request(side, side.addr["c"]) if side.answers() == "answer" else None


SERVING = [
    Row(directive("setvar"), "setvar effect = 42", setvar("effect"), "42", servers={}),
    Row(option("setvar", "default"), "setvar shown = yes default", shown_by_default("shown"), True, "setvar shown = yes", servers={}),
    Row(directive("includefile"), "includefile /etc/effect.more", setvar("more"), "here", files={"effect.more": "setvar more = here\n"},
        servers={}),
    Row(directive("mru") + option("mru", "mindepth"), "mru mindepth 77", variable("mru_mindepth"), 77, servers={}),
    Row(option("mru", "maxage"), "mru maxage 99", variable("mru_maxage"), 99, servers={}),
    Row(option("mru", "minage"), "mru minage 11", variable("mru_minage"), 11, servers={}),
    Row(option("mru", "maxmem"), "mru maxmem 333", variable("mru_maxmem"), 333, servers={}),
    Row(directive("dscp"), "dscp 10", lambda s: world.traffic_class(s, s.addr["c"]) if s.addr["c"] else None, 10 << 2,
        "# {c}", servers={}),
    Row(directive("restrict"), "restrict {c} ignore", served, False, servers={}),
    Row(option("restrict", "host name"), "restrict {cname} ignore", served, False, "# {c}", servers={}),
    Row(option("restrict", "address/bits"), "restrict {c}/32 noserve", served, False, "# {c}", servers={}),
    Row(option("restrict", "nomrulist"), "restrict {c} nomrulist", mru, 1, "# {c}", servers={}),
    Row(directive("end"), "end\nsetvar after = 1", setvar("after"), "nothing", "setvar after = 1", servers={}),
]

# ---- each with a daemon of its own ----


def after(seconds, see):
    return lambda side: see(side) if side.daemon.age() > seconds else None


def log_has(text):
    """Whether the log says it, once the daemon is synchronised or has had the time to be."""
    def see(side):
        return text in side.daemon.log() if text in side.daemon.log() or side.synchronised() is not None else None
    return see


def flash(bit):
    def see(side):
        found = side.reached()
        return bool(int(found["flash"], 0) & bit) if found else None
    return see


def heard_flash(bit):
    """The same where what is heard is of no use, so that the source does not count as reachable."""
    def see(side):
        found = side.assoc()
        return bool(int(found["flash"], 0) & bit) if found and int(found["rec"].replace(".", ""), 16) else None
    return see


def status(side):
    return side.daemon.popen.poll() if not side.daemon.alive() else "running" if side.daemon.age() > 10 else None


def ways(*tos):
    def see(side):
        found = {to: side.answers(to) for to in tos}
        return found if side.daemon.age() > 1 else None
    return see


def requests_passed(count):
    return lambda side: side.answered(side.addr["c"], count) if side.synchronised() == 0 else None


def root_dispersion(side):
    """ms, a while after the first update of the clock."""
    return float(side.system("rootdisp")["rootdisp"]) if side.synchronised() == 0 and side.daemon.age() > 10 else None


def listed_files(side):
    """Names of the statistics files, once there could be some."""
    if side.synchronised() != 0 or side.daemon.age() < 8:
        return None
    return sorted(p.name.split(".")[0] for p in pathlib.Path(side.node.dir, "lib/ntp").iterdir() if "stats" in p.name)


def dated_files(side):
    """Of each statistics file, whether its name has a date in it."""
    if listed_files(side) is None:
        return None
    return sorted("." in p.name for p in pathlib.Path(side.node.dir, "lib/ntp").iterdir() if "stats" in p.name)


def frequency(side):
    return float(side.system("frequency")["frequency"])


def truechimers(side):
    """Selection codes of both servers once both were heard and time was enough."""
    found = [side.reached("A"), side.reached("B")]
    return [f["status"] >> 8 & 7 for f in found] if all(found) and side.daemon.age() > 8 else None


def kept(side):
    """How many of the servers clustering has left, once all were heard for a while."""
    found = [side.reached(letter) for letter in side.row.servers]
    if not all(found) or side.synchronised() != 0 or side.daemon.age() < 10:
        return None
    return sum(f["status"] >> 8 & 7 >= 4 for f in found)


def leap_seconds(side):
    """When the last leap second of the file was, or nothing."""
    return side.system("leapsec").get("leapsec", "") if side.system("leap") and side.daemon.age() > 3 else None


def scheduling(side):
    """Policy and priority of the process: fields 41 and 40 of proc(5)."""
    words = pathlib.Path(f"/proc/{side.daemon.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[38]), int(words[37])) if side.daemon.age() > 1 else None


ANSWER, REFUSED, SILENCE = "answer", "refused", "silence"
HALF = {"A": {"offset": 0.3}}
BURST = "server {A} iburst"
STATS = BURST + "\nstatsdir /var/lib/ntp/\n"

FOUR = "\n".join(f"server {{{x}}} iburst" for x in "ABCD")
# A file whose hash is not right.
LEAP = "#$ 3676924800\n#@ 4102444800\n3644697600 36\n3692217600 37\n#h 1 2 3 4 5\n"
GOOD3 = "\n".join(f"server {{{x}}} iburst" for x in "ABC")
EIGHT = "\n".join(f"server {{{x}}} minpoll 3 maxpoll 3" for x in "ABCDEFGH")
FAST3 = "\n".join(f"server {{{x}}} iburst minpoll 0 maxpoll 0" for x in "ABC")


def chosen(letter):
    def see(side):
        found = side.reached(letter) if side.synchronised() == 0 and side.daemon.age() > 10 else None
        return found and found["status"] >> 8 & 7
    return see


ALONE = [
    Row(directive("tos") + option("tos", "minsane"), BURST + "\ntos minsane 3", lambda s: s.synchronised(), 3, BURST),
    Row(option("tos", "maxclock"), "pool {name} iburst\ntos maxclock 3", after(8, lambda s: len(s.sources() & {s.addr[x] for x in "ABCDEF"})),
        3, "pool {name} iburst", servers={x: {} for x in "ABCDEF"}),
    # All right, but further apart than they tremble.
    Row(option("tos", "minclock"), FOUR + "\ntos minclock 4", kept, 4, FOUR,
        servers={x: {"offset": 0.004 * i, "rootdisp": 0.03} for i, x in enumerate("ABCD")}),
    Row(option("tos", "orphanwait"), "tos orphan 5 orphanwait 1", after(6, variable("stratum")), 5, "tos orphan 5", servers={}),
    Row(option("leapfile", "ignorehash"), "leapfile /etc/effect.leap ignorehash", leap_seconds, lambda v: v != "", "leapfile /etc/effect.leap",
        files={"effect.leap": LEAP}, servers={}),
    Row(option("leapfile", "checkhash"), "leapfile /etc/effect.leap checkhash", leap_seconds, "", "leapfile /etc/effect.leap ignorehash",
        files={"effect.leap": LEAP}, servers={}),
    Row(directive("limit") + option("limit", "average"), BURST + "\nrestrict {c} limited\nlimit average 100", requests_passed(30), 30,
        BURST + "\nrestrict {c} limited\nlimit average 0.5"),
    Row(option("tos", "mindist"), "server {A} iburst\nserver {B} iburst\ntos mindist 0.2", truechimers, lambda v: all(x >= 2 for x in v),
        "server {A} iburst\nserver {B} iburst", servers={"A": {"offset": 0.05}, "B": {"offset": -0.05}}),
    Row(option("tos", "maxdist"), BURST + "\ntos maxdist 0.3", flash(0x400), True, BURST, servers={"A": {"rootdelay": 1.0}}),
    Row(option("tos", "maxdisp"), BURST + "\ntos maxdisp 0.3", heard_flash(0x40), True, BURST, servers={"A": {"rootdisp": 0.4}}),
    Row(option("tinker", "tick"), "tinker tick 0.001", precision, -10, servers={}),
    Row(directive("tick"), "tick 0.001", precision, -10, servers={}),
    Row(option("tos", "floor"), BURST + "\ntos floor 2", flash(0x200), True, BURST),
    Row(option("tos", "ceiling"), BURST + "\ntos ceiling 4", flash(0x200), True, BURST, servers={"A": {"stratum": 5}}),
    Row(directive("tinker") + option("tinker", "step"), BURST + "\ntinker step 0.5", log_has("stepped"), False, BURST, servers=HALF),
    Row(option("tinker", "stepfwd"), BURST + "\ntinker stepfwd 0.5", log_has("stepped"), False, BURST, servers=HALF),
    Row(option("tinker", "stepback"), BURST + "\ntinker stepback 0.5", log_has("stepped"), False, BURST, servers={"A": {"offset": -0.3}}),
    Row(option("tinker", "panic"), BURST + "\ntinker panic 5", status, 255, BURST, servers={"A": {"offset": 10}}, may_end=True),
    Row(option("tinker", "freq"), "tinker freq 42", frequency, 42.0, servers={}),
    Row(option("tinker", "dispersion"), BURST + "\ntinker dispersion 90000", root_dispersion, lambda ms: ms > 60, BURST),
    Row(directive("disable") + option("disable", "ntp"), BURST + "\ndisable ntp", lambda s: s.reached() and s.synchronised(), 3, BURST),
    Row(option("disable", "monitor"), "restrict default\ndisable monitor", variable("mru_enabled"), 0, "restrict default",
        servers={}),
    Row(directive("statsdir", "statistics") + option("statistics", "peerstats"),
        BURST + "\nstatsdir /var/lib/ntp/\nstatistics peerstats", listed_files, ["peerstats", "peerstats"], BURST),
    Row(option("disable", "stats"), BURST + "\nstatsdir /var/lib/ntp/\nstatistics peerstats\ndisable stats", listed_files, [],
        BURST + "\nstatsdir /var/lib/ntp/\nstatistics peerstats"),
    Row(directive("filegen"), STATS + "filegen loopstats", listed_files, ["loopstats", "loopstats"], STATS),
    Row(option("filegen", "file"), STATS + "filegen loopstats file mystats", listed_files, ["mystats", "mystats"], STATS + "filegen loopstats"),
    Row(option("filegen", "type", "type none"), STATS + "filegen loopstats type none", dated_files, [False], STATS + "filegen loopstats"),
    Row(option("filegen", "nolink"), STATS + "filegen loopstats nolink", dated_files, [True], STATS + "filegen loopstats"),
    Row(option("filegen", "enable"), STATS + "filegen loopstats disable\nfilegen loopstats enable", listed_files, ["loopstats", "loopstats"],
        STATS + "filegen loopstats disable"),
    Row(option("filegen", "disable"), BURST + "\nstatsdir /var/lib/ntp/\nstatistics loopstats peerstats\nfilegen peerstats disable nolink\n"
        "filegen loopstats nolink", listed_files, ["loopstats"],
        BURST + "\nstatsdir /var/lib/ntp/\nstatistics loopstats peerstats\nfilegen peerstats nolink\nfilegen loopstats nolink"),
    Row(option("restrict", "source"), "server {c}\nrestrict default noserve\nrestrict source", after(2, lambda s: s.serves(s.addr["c"])),
        True, "server {c}\nrestrict default noserve", servers={}),
    Row(directive("keys"), f"keys {world.KEYS_PATH}\ntrustedkey 7\nserver {{A}} key 7", length_sent, 72, "trustedkey 7\nserver {A} key 7"),
    Row(directive("trustedkey"), f"keys {world.KEYS_PATH}\ntrustedkey 7\nserver {{A}} key 7", length_sent, 72,
        f"keys {world.KEYS_PATH}\nserver {{A}} key 7"),
    Row(option("restrict", "default", "-4"), "restrict -4 default ignore", ways("a", "six"), {"a": SILENCE, "six": ANSWER}, servers={}),
    Row(option("restrict", "-6"), "restrict -6 default ignore", ways("a", "six"), {"a": ANSWER, "six": SILENCE}, servers={}),
    Row(directive("discard") + option("discard", "minimum"), BURST + "\nrestrict {c} limited\ndiscard minimum 0", requests_passed(8), 8,
        BURST + "\nrestrict {c} limited"),
    Row(option("discard", "average"), BURST + "\nrestrict {c} limited\ndiscard minimum 0 average 0", requests_passed(40), 40,
        BURST + "\nrestrict {c} limited\ndiscard minimum 0"),
    # All of the asker's addresses; without the word the mask is that of a host.
    Row(option("restrict", "mask"), "restrict 192.0.2.0 mask 255.255.255.192 ignore\n# {c}", after(4, lambda s: s.serves(s.addr["c"])), False,
        "restrict 192.0.2.0 ignore\n# {c}", servers={}),
    Row(option("peer", "prefer"), "server {B} iburst\npeer {A} prefer", after(8, system_peer), True, "server {B} iburst\npeer {A}",
        servers={"A": {"rootdisp": 0.05}, "B": {}}),
    Row(option("peer", "true"), GOOD3 + "\npeer {D} true", chosen("D"), lambda code: code != 1, GOOD3 + "\npeer {D}",
        servers={"A": {}, "B": {}, "C": {}, "D": {"offset": 0.06}}),
    Row(option("peer", "preempt"), FAST3 + "\npeer {D} minpoll 0 maxpoll 0 preempt\ntos maxclock 3 minclock 2",
        after(16, lambda s: s.assoc("D") is None), True, FAST3 + "\npeer {D} minpoll 0 maxpoll 0\ntos maxclock 3 minclock 2",
        servers={"A": {}, "B": {}, "C": {}, "D": {"rootdisp": 0.3, "stratum": 3}}),
    Row(option("server", "true"), GOOD3 + "\nserver {D} iburst true", chosen("D"), lambda code: code != 1, GOOD3 + "\nserver {D} iburst",
        servers={"A": {}, "B": {}, "C": {}, "D": {"offset": 0.06}}),
    Row(option("server", "preempt"), FAST3 + "\nserver {D} minpoll 0 maxpoll 0 preempt\ntos maxclock 3 minclock 2",
        after(16, lambda s: s.assoc("D") is None), True, FAST3 + "\nserver {D} minpoll 0 maxpoll 0\ntos maxclock 3 minclock 2",
        servers={"A": {}, "B": {}, "C": {}, "D": {"rootdisp": 0.3, "stratum": 3}}),
    # Of eight polls one at least is early, but for one run in thirty thousand.
    Row(directive("pollskewlist"), EIGHT + "\npollskewlist 3 4|0", intervals, lambda v: min(v) < 6.9, EIGHT, servers={x: {} for x in "ABCDEFGH"},
        timeout=40),
    Row(option("mru", "initmem"), "mru initmem 100", variable("mru_mem"), lambda kb: 99 <= kb <= 100, servers={}),
    Row(option("mru", "initalloc"), "mru initalloc 2000", variable("mru_mem"), lambda kb: 150 < kb < 500, servers={}),
    Row(option("mru", "incmem"), "mru initmem 0 incmem 100", variable("mru_mem"), lambda kb: kb % 100 in (99, 0) and kb, "mru initmem 0 incmem 7", servers={}),
    Row(option("mru", "incalloc"), "mru initmem 0 incalloc 2000", variable("mru_mem"), lambda kb: kb > 150, "mru initmem 0 incmem 7", servers={}),
    Row(option("mru", "maxdepth"), "mru maxdepth 1234", variable("mru_maxdepth"), 1234, servers={}),
]


def rules(word):
    """Rows for the two words of interface lines."""
    both = {"a": ANSWER, "six": ANSWER}
    return [
        Row(directive(word) + option(word, "ignore", "all"), f"{word} ignore all", ways("a", "six"), {"a": REFUSED, "six": REFUSED}, servers={}),
        Row(option(word, "listen"), f"{word} listen all", ways("a", "six"), both, f"{word} ignore all", servers={}),
        Row(option(word, "name"), f"{word} listen eth0", ways("a", "six"), both, f"{word} listen eth9", servers={}),
        Row(option(word, "ipv4"), f"{word} listen ipv4", ways("a", "six"), {"a": ANSWER, "six": REFUSED}, servers={}),
        Row(option(word, "ipv6"), f"{word} listen ipv6", ways("a", "six"), {"a": REFUSED, "six": ANSWER}, servers={}),
        Row(option(word, "address/bits"), f"{word} listen {{a}}/32", ways("a", "b"), {"a": ANSWER, "b": REFUSED}, servers={}),
        Row(option(word, "wildcard"), f"{word} listen wildcard", ways("a", "six"), both, f"{word} listen eth9", servers={}),
        Row(option(word, "drop"), f"{word} listen all\n{word} drop {{b}}", ways("a", "b"), {"a": ANSWER, "b": SILENCE}, f"{word} listen all",
            servers={}),
    ]


def cli(*options):
    return tuple(f"ntpd {o}" for o in options)


def resolved(side):
    """Of the two addresses of a name, which are sources."""
    sources = side.sources()
    return (side.addr["A"] in sources, world.SIX in sources) if sources else None


COMMAND_LINE = [
    Row(cli("z var"), "", setvar("given"), "7", args=("-z", "given=7"), servers={}),
    Row(cli("Z dvar"), "", shown_by_default("given"), True, args=("-Z", "given=7"), servers={}),
    Row(cli("x slew"), BURST, log_has("stepped"), False, BURST, servers=HALF, args=("-x",)),
    Row(cli("G force-step-once"), BURST, log_has("stepped"), True, BURST, servers={"A": {"offset": 0.02}}, args=("-G",)),
    Row(cli("g panicgate"), BURST, status, "running", BURST, servers={"A": {"offset": 2000}}, args=("-g",), may_end=True),
    Row(cli("I interface"), "", ways("a", "b"), {"a": ANSWER, "b": REFUSED}, args=("-I", "{a}"), servers={}),
    Row(cli("N nice"), "", scheduling, (1, 99), args=("-N",), servers={}),
    Row(cli("P priority"), "", scheduling, (1, 7), args=("-P", "7"), servers={}),
    Row(cli("k keyfile"), BURST + " key 7\ntrustedkey 7", length_sent, 72, BURST + " key 7\ntrustedkey 7", args=("-k", world.KEYS_PATH)),
    Row(cli("t trustedkey"), f"keys {world.KEYS_PATH}\nserver {{A}} key 7", length_sent, 72, f"keys {world.KEYS_PATH}\nserver {{A}} key 7",
        args=("-t", "7")),
    Row(cli("s statsdir"), BURST + "\nstatistics peerstats", listed_files, ["peerstats", "peerstats"], BURST + "\nstatistics peerstats",
        args=("-s", "/var/lib/ntp/")),
    Row(cli("4 ipv4"), "", resolved, (True, False), args=("-4", "{name}"), plain_args=("-6", "{name}")),
    Row(cli("6 ipv6"), "", resolved, (False, True), args=("-6", "{name}"), plain_args=("-4", "{name}")),
    Row(cli("D set-debug-level"), BURST, log_has("system peer is"), True, BURST, args=("-D", "2")),
]


def grouped(rows, group):
    return [Row(**{**vars(row), "group": group}) for row in rows]


ROWS = [*grouped(SOURCES, "sources"), *grouped(SERVING, "serving"), *ALONE, *rules("interface"), *rules("nic"), *COMMAND_LINE,
        *effect_clocks.ROWS, *effect_casts.ROWS]


KNOWN = Known()


def waits(row):
    """Whether something that the row shows is not in force yet."""
    return not all(KNOWN.in_force(key) for key in row.shows)


def share(row):
    """Which of the worlds a row is in: there are more of them than one has addresses for, and two are made side by side."""
    return ROWS.index(row) % WORLDS if row.group == "" else 0


@pytest.fixture(scope="module")
def worlds(request):
    """By its share, a world of the rows that were asked for, and of those that others rest on; made when it is first wanted."""
    chosen = [item.callspec.params["row"] for item in request.session.items if hasattr(item, "callspec") and "row" in item.callspec.params]
    made = {}
    with contextlib.ExitStack() as labs:
        def of(row):
            n = share(row)
            if n not in made:
                lab = labs.enter_context(Lab(f"effects{n}"))
                made[n] = world.World(lab, [r for r in ROWS if (share(r) == n and r in chosen or not r.shows) and not waits(r)])
            return made[n]
        yield of


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name, marks=pytest.mark.xdist_group(f"effects{share(row)}")) for row in ROWS if row.shows])
def test_effect(worlds, row):
    if waits(row):
        pytest.skip("not in force yet")
    worlds(row).judge(row)
