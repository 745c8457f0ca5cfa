// Draws the diagrams, and turns the slides with the arrow keys, Page Up, Page Down and Space.
"use strict";

mermaid.initialize({ startOnLoad: false, theme: "default", securityLevel: "strict" });
mermaid.run({ querySelector: "pre.mermaid" }).then(() => { document.documentElement.dataset.diagrams = "drawn"; });
const slides = [...document.querySelectorAll("section")];
const forward = new Set(["ArrowRight", "ArrowDown", "PageDown", " "]);
const back = new Set(["ArrowLeft", "ArrowUp", "PageUp"]);
addEventListener("keydown", (event) => {
  if (!forward.has(event.key) && !back.has(event.key)) return;
  event.preventDefault();
  const now = slides.findIndex((slide) => slide.getBoundingClientRect().bottom > 10);
  const next = slides[Math.min(Math.max(now + (forward.has(event.key) ? 1 : -1), 0), slides.length - 1)];
  next.scrollIntoView();
  next.focus({ preventScroll: true });
});
for (const box of document.querySelectorAll("pre, table")) if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
