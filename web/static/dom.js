// Helpers for the DOM. Strings are appended as text nodes; nothing here parses HTML, because customers write the texts.

export const $ = (id) => document.getElementById(id);

// el creates an element. Children are elements or strings; null, undefined and empty strings are skipped.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

// showTemplate replaces the view by a copy of a template.
export function showTemplate(template) {
  $("view").replaceChildren($(template).content.cloneNode(true));
}

// setText changes a text only if it differs. Otherwise the user's selection would be lost, and a screen reader would
// read the same text again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// badge shows a score as a number, with a colour and a shape.
export function badge(score, large) {
  if (score === null || score === undefined) return el("span", { class: "score none" }, "–");
  const shape = score <= 6 ? "detractor" : score <= 8 ? "passive" : "promoter";
  return el("span", { class: `score s${score} ${shape}${large ? " large" : ""}`, title: `Score ${score}: ${shape}` },
    el("span", { class: "visually-hidden" }, "Score "), String(score));
}

// flash animates an element that has just changed.
export function flash(element, frames, duration) {
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) element.animate?.(frames, { duration, easing: "ease-out" });
}
