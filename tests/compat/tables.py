# SPDX-License-Identifier: BSD-2-Clause
"""The tables of the configuration, as tests/man/tables prints them."""
import collections
import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TRUECHIMER_BUILD", TOP / "build"))

Directive = collections.namedtuple("Directive", "name standing synopsis")
Option = collections.namedtuple("Option", "directive name standing choices default")
Line = collections.namedtuple("Line", "name shape min max example")
Bound = collections.namedtuple("Bound", "directive name type min max policy")
Variable = collections.namedtuple("Variable", "table name shown")


def printed(*argv):
    return subprocess.run([BUILD / "tests/man/tables", *argv], capture_output=True, text=True, check=True).stdout


def rows(text, kind, made):
    return [made(*line.split("\t")[1:]) for line in text.splitlines() if line.startswith(kind + "\t")]


def directives():
    return {d.name: d for d in rows(printed(), "directive", Directive)}


def options():
    """By directive and name."""
    return {(o.directive, o.name): o for o in rows(printed(), "option", Option)}


def variables():
    """By table (system, peer, clock) and name."""
    return {(v.table, v.name): v for v in rows(printed(), "variable", Variable)}


def lines():
    return rows(printed("bounds"), "line", lambda n, s, lo, hi, e: Line(n, s, float(lo), float(hi), e))


def bounds():
    return rows(printed("bounds"), "bound", lambda d, n, t, lo, hi, p: Bound(d, n, t, float(lo), float(hi), p))


def needs_arguments(synopsis):
    """Whether anything is left of a synopsis without what stands in brackets."""
    while (shorter := re.sub(r"\[[^][]*\]", "", synopsis)) != synopsis:
        synopsis = shorter
    return synopsis.strip(" .") != ""
