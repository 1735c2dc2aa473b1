"""mutants.py -- reads the tables of mutants, tests/mutants/*.mutants.

A table is plain text. Lines that begin with # and empty lines between mutants mean nothing. A
mutant is

    mutant  skip-the-noop                  its name
    fault   C1 C2                          the lines of the catalogue of faults that it stands for
    kill    raft replica                   who is able to notice it (killers.py), any order
    says    one line: the bug in words
    edit    src/raft/election.c
    -    old line, without the sign in front
    +    new line
         a line that stays, behind a space, to tell the place from others

with one edit or more, each of one run of lines. Old and staying lines together must be found in the
file exactly once, as whole lines, so that a table cannot fall behind the code without being told.
"""

import glob
import os

KEYWORDS = ("mutant", "fault", "kill", "says", "edit")


class Fault:
    """What is wrong with a table."""

    def __init__(self, mutant, text):
        self.mutant = mutant
        self.text = text

    def __str__(self):
        return f"{self.mutant}: {self.text}"


class Edit:
    """One run of lines of a file that becomes another."""

    def __init__(self, file):
        self.file = file
        self.old = ""
        self.new = ""

    def add(self, line):
        sign, rest = line[0], line[1:] + "\n"
        if sign in " -":
            self.old += rest
        if sign in " +":
            self.new += rest


class Mutant:
    """A bug, and how to put it in."""

    def __init__(self, name):
        self.name = name
        self.faults = []
        self.killers = []
        self.says = ""
        self.edits = []

    def files(self):
        return sorted({edit.file for edit in self.edits})

    def apply_to(self, file, text):
        for edit in self.edits:
            if edit.file == file:
                text = ("\n" + text).replace("\n" + edit.old, "\n" + edit.new, 1)[1:]
        return text

    def complaints(self, root):
        if not (self.faults and self.killers and self.says and self.edits):
            yield "it needs fault, kill, says and edit"
        for edit in self.edits:
            path = os.path.join(root, edit.file)
            if not edit.file.endswith(".c") or not os.path.exists(path):
                yield f"there is no source {edit.file}"
                continue
            with open(path, encoding="utf-8") as file:
                found = ("\n" + file.read()).count("\n" + edit.old) if edit.old else 0
            if found != 1 or edit.old == edit.new:
                yield f"{edit.file}: the old lines are there {found} times, not once:\n{edit.old}"


def _read(path):
    mutant = None
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            word = line.split(" ", 1)[0]
            rest = line[len(word):].strip()
            if word == "mutant":
                mutant = Mutant(rest)
                yield mutant
            elif word in KEYWORDS and mutant is not None:
                if word == "fault":
                    mutant.faults = rest.split()
                elif word == "kill":
                    mutant.killers = rest.split()
                elif word == "says":
                    mutant.says = rest
                else:
                    mutant.edits.append(Edit(rest))
            elif mutant is not None and mutant.edits and line[:1] in ("-", "+", " "):
                mutant.edits[-1].add(line)
            elif line and not line.startswith("#"):
                raise ValueError(f"{path}: cannot read the line: {line}")


def load(root):
    """All mutants, and all that is wrong with them."""
    table = []
    faults = []
    for path in sorted(glob.glob(os.path.join(root, "tests", "mutants", "*.mutants"))):
        table.extend(_read(path))
    for mutant in table:
        faults.extend(Fault(mutant.name, text) for text in mutant.complaints(root))
        if sum(other.name == mutant.name for other in table) > 1:
            faults.append(Fault(mutant.name, "there are two of this name"))
    return table, faults
