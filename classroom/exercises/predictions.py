"""A question that is answered before the notebook shows the answer: radio buttons, kept with the progress.

It never blocks a cell, and shows the same text in every run, so that a saved
notebook and nbval see only the question.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from classroom.exercises.progress import Record

_STYLE = """<style>
.chat-prediction .widget-radio-box label {
  display: flex; align-items: center; gap: 6px; height: auto; min-height: 26px; line-height: 1.35; white-space: normal;
}
.chat-prediction .widget-radio-box input { order: -1; flex: none; margin: 0; }
</style>"""
"""Each choice is high enough for a finger (WCAG 2.2, 2.5.8), and a long one may take two lines."""


class Prediction:
    """One question with its choices: make it the last expression of a cell."""

    def __init__(self, number: str, question: str, choices: tuple[str, ...], record: Record):
        self._number, self._question, self._choices, self._record = number, question, choices, record
        chosen = record.read().predictions.get(number)
        self.radio = widgets.RadioButtons(
            options=list(choices), value=chosen if chosen in choices else None, layout={"width": "auto"}
        )
        self.radio.observe(self._chosen, "value")
        self._note = widgets.HTML()
        head = widgets.HTML(f"{_STYLE}<b>Predict:</b> {escape(question)}")
        self.widget = widgets.VBox([head, self.radio, self._note])
        self.widget.add_class("chat-prediction")
        self.widget.layout.padding = "6px 14px"
        self.widget.layout.border_left = "4px solid #1976d2"
        self._say(chosen)

    def _chosen(self, change: dict) -> None:
        if change["new"] is not None:
            self._record.predicted(self._number, change["new"])
            self._say(change["new"])

    def _say(self, chosen: str | None) -> None:
        self._note.value = "<i>Noted. Run the next cell and see.</i>" if chosen in self._choices else ""

    def __repr__(self) -> str:
        return "\n".join([f"Predict: {self._question}", *(f"  ( ) {choice}" for choice in self._choices)])

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        return {**self.widget._repr_mimebundle_(**kwargs), "text/plain": repr(self)}
