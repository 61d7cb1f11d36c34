# SPDX-License-Identifier: BSD-2-Clause
"""What our programs make of the rows of tests/compat/inventory: in force, recognised without effect, or missing."""
import pathlib
import re
import subprocess
import tempfile

import tables

HERE = pathlib.Path(__file__).resolve().parent
IN_FORCE, NO_EFFECT, MISSING = "in force", "recognised without effect", "missing"
STANDINGS = {"in force": IN_FORCE, "not yet": NO_EFFECT, "relic": NO_EFFECT, "no effect": NO_EFFECT}


def run(*argv, **kwargs):
    return subprocess.run([str(tables.BUILD / argv[0]), *argv[1:]], capture_output=True, text=True, timeout=20, check=False, **kwargs)


def read(name):
    """Lines of a list, without comments, as fields."""
    text = (HERE / name).read_text(encoding="ascii")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


class Known:
    def __init__(self):
        self.directives, self.options, self.variables = tables.directives(), tables.options(), tables.variables()
        self.helps = {p: run(p, "--help").stdout for p in ("ntpd", "ntpq")}
        self.commands = set(" ".join(run("ntpq", input="help\n").stdout.splitlines()[1:]).split())
        if not self.commands or not self.directives:
            raise SystemExit("tests/compat: a table is empty")

    def standing(self, kind, scope, name):
        return getattr(self, kind)(scope, name)

    def in_force(self, key):
        """The same of a row as it is named in lists: "option tos minsane"."""
        kind, scope, name = key.split(" ", 2)
        return self.standing(kind, scope, name) == IN_FORCE

    def directive(self, _, name):
        return STANDINGS[self.directives[name].standing] if name in self.directives else MISSING

    def option(self, directive, name):
        """By its row, as a choice of an option ("type day"), as a word of the synopsis, or by asking ntpd what it makes of a line."""
        row = self.options.get((directive, name)) or (directive == "statistics" and self.options.get(("filegen", name)))
        first, _, choice = name.partition(" ")
        if not row and choice and (directive, first) in self.options and choice in self.options[directive, first].choices.split():
            row = self.options[directive, first]
        whole = self.directive("-", directive)
        if row:
            standing = STANDINGS[row.standing]
            return NO_EFFECT if whole == NO_EFFECT and standing == IN_FORCE else standing
        if directive == "logconfig":
            word = f"={name}all" if name in ("clock", "peer", "sync", "sys") else f"=all{name}" if name != "all" else "=all"
            return whole if ": error:" not in self.check(f"logconfig {word}") else MISSING
        words = {"host name": "NAME", "name": "NAME", "address/bits": "BITS"}.get(name, name)
        synopsis = self.directives[directive].synopsis if directive in self.directives else ""
        return whole if re.search(rf"(?<![\w-]){re.escape(words)}(?![\w-])", synopsis) else MISSING

    @staticmethod
    def check(line):
        """What --check-config says about a line."""
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(line + "\n")
            file.flush()
            return run("ntpd", "--check-config", "-c", file.name).stdout

    def driver(self, name, types):
        worst = IN_FORCE
        for kind in types.split():
            said = self.check(f"server 127.127.{kind}.0" + ("" if name == "-" else f"\nrefclock {name} unit 1"))
            worst = MISSING if ": error:" in said else NO_EFFECT if re.search("no effect|is not used", said) and worst == IN_FORCE else worst
        return worst

    def line_of_help(self, program, letter, name):
        wanted = (rf"-{re.escape(letter)}, +--{re.escape(name)}" if "-" not in (letter, name) else
                  rf"--{re.escape(name)}" if letter == "-" else rf"-{re.escape(letter)}")
        found = re.search(rf"^ +{wanted}(?:=\S+)?(?: .*)?$", self.helps[program], re.MULTILINE)
        if found is None and "-" not in (letter, name):
            # The two forms may be rows of their own.
            found = re.search(rf"^ +(?:-\S, +)?--{re.escape(name)}(?:=\S+)?(?: .*)?$", self.helps[program], re.MULTILINE)
            if letter == "?" or not re.search(rf"^ +-{re.escape(letter)}[, ]", self.helps[program], re.MULTILINE):
                usage = run(program, f"-{letter}")
                found = found if usage.returncode == 0 and "usage" in usage.stdout else None
        return found.group(0) if found else None

    def command_line(self, program, letter, name):
        line = self.line_of_help(program, letter, name)
        return MISSING if line is None else NO_EFFECT if "no effect" in line else IN_FORCE

    def ntpd(self, letter, name):
        return self.command_line("ntpd", letter, name)

    def ntpq(self, letter, name):
        return self.command_line("ntpq", letter, name)

    def command(self, _, name):
        return IN_FORCE if name in self.commands else MISSING

    def variable(self, table, name):
        return IN_FORCE if (table, name) in self.variables else MISSING

    def signal(self, _, _name):
        return IN_FORCE         # there is no table of them: their tests tell
