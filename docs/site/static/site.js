// Draws the diagrams, in the colours of the page's theme, and lets wide boxes be scrolled by keyboard.
"use strict";

const dark = document.documentElement.dataset.theme === "dark";
if (window.mermaid) {
  mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "default", securityLevel: "strict" });
  mermaid.run({ querySelector: "pre.mermaid" }).then(() => {
    for (const drawing of document.querySelectorAll("pre.mermaid svg")) {
      drawing.setAttribute("role", "img");
      if (!drawing.hasAttribute("aria-label")) drawing.setAttribute("aria-label", "A diagram; the text below says the same in words");
    }
    document.documentElement.dataset.diagrams = "drawn";
  });
}
const boxes = document.querySelectorAll("article pre, article table, article .output, .pst-scrollable-table-container");
for (const box of boxes) if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
for (const button of document.querySelectorAll(".search-button-field")) button.removeAttribute("aria-label");  // Its text is its name.
