"""Progress as people read it: one learner's lessons and exercises, or one table of a class; and as JUnit.

Pure: what was done comes in as ``Progress``, what there is from the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from classroom.exercises import registry
from classroom.exercises.progress import FILE, Progress, read


@dataclass(frozen=True)
class Report:
    """One learner's progress beside all exercises and predictions that there are."""

    progress: Progress
    exercises: tuple[str, ...]
    predictions: Mapping[str, str]

    @classmethod
    def of(cls, progress: Progress) -> Report:
        """The report on a progress, for the course as it is."""
        return cls(progress, tuple(registry.exercises()), registry.predictions())

    def lessons(self) -> dict[str, list[str]]:
        """The numbers of the exercises of each lesson that has any; 0b and 7b are lessons of their own."""
        found: dict[str, list[str]] = {}
        for number in self.exercises:
            found.setdefault(registry.name_of_lesson(number), []).append(number)
        return found

    def done(self) -> list[str]:
        """The exercises that are done, in the course's order."""
        return [number for number in self.exercises if number in self.progress.passed()]

    def predicted(self) -> tuple[int, int]:
        """How many predictions were right, and how many were made."""
        made = {key: answer for key, answer in self.progress.predictions.items() if key in self.predictions}
        return sum(self.predictions[key] == answer for key, answer in made.items()), len(made)

    def __repr__(self) -> str:
        lines = [f"{len(self.done())} of {len(self.exercises)} exercises are done."]
        for lesson, numbers in self.lessons().items():
            marks = "  ".join(f"{number} {'done' if number in self.done() else '·'}" for number in numbers)
            lines.append(f"  lesson {lesson}: {marks}")
        right, made = self.predicted()
        if made:
            lines.append(f"{right} of {made} predictions were right.")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">Lesson {lesson}</th><td style="text-align:left">'
            + " ".join(_mark(number, number in self.done()) for number in numbers)
            + "</td></tr>"
            for lesson, numbers in self.lessons().items()
        )
        right, made = self.predicted()
        predicted = f" {right} of {made} predictions were right." if made else ""
        return f"<p>{len(self.done())} of {len(self.exercises)} exercises are done.{predicted}</p><table>{rows}</table>"

    def facts(self, name: str = "") -> dict[str, Any]:
        """The same for a program: the learner, what is done, what is missed, and the predictions."""
        right, made = self.predicted()
        return {
            "learner": name or self.progress.learner,
            "done": self.done(),
            "open": [number for number in self.exercises if number not in self.done()],
            "misses": {number: attempt.misses for number, attempt in self.progress.exercises.items()},
            "predictions": {"right": right, "made": made},
        }


def junit_of(reports: list[tuple[str, Report]]) -> str:
    """JUnit's XML: a suite for each learner, a test case for each exercise, failed until it is done."""
    suites = ElementTree.Element("testsuites")
    for name, report in reports:
        facts = report.facts(name)
        counts = {"tests": str(len(report.exercises)), "failures": str(len(facts["open"]))}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": facts["learner"] or "my chat", **counts})
        for number in report.exercises:
            lesson = f"lesson {registry.name_of_lesson(number)}"
            case = ElementTree.SubElement(suite, "testcase", classname=lesson, name=number)
            if number in facts["open"]:
                missed = facts["misses"].get(number, 0)
                ElementTree.SubElement(case, "failure", message=f"not done; misses: {missed}")
    return ElementTree.tostring(suites, encoding="unicode")


def class_reports(folder: Path) -> list[tuple[str, Report]]:
    """The reports of a class by learner's name: ``NAME.json``, ``NAME/progress.json`` or ``NAME/my_chat/progress.json``."""
    found = {}
    for path in sorted([*folder.glob(f"*/{FILE}"), *folder.glob(f"*/my_chat/{FILE}"), *folder.glob("*.json")]):
        name = path.stem if path.parent == folder else path.relative_to(folder).parts[0]
        found[name] = Report.of(read(path))
    return sorted(found.items())


def class_table(reports: list[tuple[str, Report]]) -> str:
    """One line for each learner: how many exercises of each lesson are done, and in all."""
    if not reports:
        return "Nobody's progress is there."
    lessons = reports[0][1].lessons()
    head = ["learner", *(f"lesson {lesson}" for lesson in lessons), "all", "predictions"]
    lines = [head]
    for name, report in reports:
        done = set(report.done())
        right, made = report.predicted()
        counts = [f"{len(done & set(numbers))}/{len(numbers)}" for numbers in lessons.values()]
        lines.append([name, *counts, f"{len(done)}/{len(report.exercises)}", f"{right}/{made}"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _mark(number: str, done: bool) -> str:
    """One exercise as a small label: a sign beside the colour, for those who do not see the colour."""
    tint = "rgba(31,163,74,.25)" if done else "rgba(128,128,128,.15)"
    said = "done" if done else "not done yet"
    return (
        f'<span title="{said}" style="padding:1px 8px;border-radius:9px;background:{tint}">'
        f"{escape(number)}{' ✓' if done else ''}</span>"
    )
