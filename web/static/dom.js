// Text becomes text: strings are appended as text nodes, and nothing here parses HTML.

export const $ = (id) => document.getElementById(id);

// el makes an element. Children are elements, strings, or nothing.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

// show puts a copy of a template in place of the view.
export function show(template) {
  $("view").replaceChildren($(template).content.cloneNode(true));
}

// say changes a text only where it differs, so that what is selected or read aloud stays.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// badge shows a score: its number always, its colour and its shape besides.
export function badge(score, large) {
  if (score === null || score === undefined) return el("span", { class: "score none" }, "–");
  const shape = score <= 6 ? "detractor" : score <= 8 ? "passive" : "promoter";
  return el("span", { class: `score s${score} ${shape}${large ? " large" : ""}`, title: `Score ${score}: ${shape}` },
    el("span", { class: "unseen" }, "Score "), String(score));
}

// flash draws the eye to what has just changed.
export function flash(element, frames, duration) {
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) element.animate?.(frames, { duration, easing: "ease-out" });
}
