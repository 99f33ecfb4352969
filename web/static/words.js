// The words of the pages: durations, countries, and events.

import { eventTypes } from "./event-types.js";

const minute = 60_000, hour = 60 * minute, day = 24 * hour;

// span writes a duration in its two largest units.
export function span(ms) {
  if (ms < minute) return "under 1 min";
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) return join(Math.floor(ms / hour), "h", Math.floor((ms % hour) / minute), "min");
  return join(Math.floor(ms / day), "d", Math.floor((ms % day) / hour), "h");
}

const join = (a, unit, b, smaller) => (b ? `${a} ${unit} ${b} ${smaller}` : `${a} ${unit}`);

// due describes a case's follow-up against its target. `late` means the same as `overdue` in the API, at the time `now`.
export function due(c, now) {
  if (c.status === "CLOSED") return { text: "closed" };
  if (c.status === "IN_PROGRESS") return { text: "in progress" };
  if (c.firstFollowUpAt) return { text: "reopened" };
  if (!c.dueAt) return { text: "no target" };
  const left = Date.parse(c.dueAt) - now;
  return left < 0 ? { text: `overdue ${span(-left)}`, late: true } : { text: `due in ${span(left)}`, soon: left < 4 * hour };
}

export const statuses = { OPEN: "Open", IN_PROGRESS: "In progress", CLOSED: "Closed" };

let regionNames;
try {
  regionNames = new Intl.DisplayNames(["en"], { type: "region" });
} catch { /* old browsers: the page shows the code */ }

export function country(code) {
  try {
    return (code && regionNames?.of(code)) || code;
  } catch {
    return code;
  }
}

export const time = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
export const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// The formats of values. The table of event types (model/event.go) names them, as in "step {text}".
const formats = {
  text: String,
  word: (name) => name.toLowerCase().replaceAll("_", " "),
  moment: (at) => moment.format(new Date(at)),
  duration: (iso) => span(milliseconds(iso)),
  chain: (list) => list.join(" → "),
};

// milliseconds parses a duration in the API's format: "PT36H30M", "PT0.5S".
function milliseconds(iso) {
  const [, h = 0, m = 0, s = 0] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(iso) ?? [];
  return h * hour + m * minute + s * 1000;
}

// The types whose sentence depends on their values. The others use their label and fields from the table.
const sentences = {
  ASSIGNED(e, by) {
    const to = e.snapshot.assigneeName;
    if (!to) return `taken from ${e.previousAssignee?.name ?? "its assignee"}${by}`;
    return to === e.actor?.name ? `taken by ${to}` : `given to ${to}${by}`;
  },
  STATUS_CHANGED(e, by) {
    if (e.status === "CLOSED") return `closed${by}`;
    if (e.status === "IN_PROGRESS") return `${e.previousStatus === "CLOSED" ? "back in progress" : "in progress"}${by}`;
    return `${e.previousStatus === "CLOSED" ? "opened again" : "back to open"}${by}`;
  },
  DETAILS_CHANGED(e, by) {
    const ofCustomer = e.changed.filter((name) => name.startsWith("customer."));
    const parts = ofCustomer.length > 0 ? [`customer's details changed${by}: ${ofCustomer.map(fieldName).join(", ")}`] : [];
    for (const name of e.changed) {
      if (!ofCustomer.includes(name)) parts.push(`${fieldSentences[name] ?? `${fieldName(name)} changed`}${by}`);
    }
    return parts.join("; ");
  },
};

const fieldSentences = { themes: "themes changed", notes: "a note was redacted", "case.externalRefs": "references to other systems changed" };

// fieldName turns a field's name into words, such as "last contacted at" of "customer.lastContactedAt".
const fieldName = (name) => name.replace(/^\w+\./, "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

// event describes an event: what happened to the case, who did it, and the details.
export function event(e) {
  const type = eventTypes[e.type];
  const actor = e.actor?.name ?? type?.system;
  const by = actor ? ` by ${actor}` : "";
  if (!type) return `${formats.word(e.type)}${by}`; // a newer server may have types that this page does not know
  if (sentences[e.type]) return sentences[e.type](e, by);
  const details = type.fields.filter(({ name }) => e[name]?.toString()).map(({ name, words }) =>
    words.replace(/\{(\w+)\}/, (_, format) => formats[format](e[name])));
  return type.label + by + (details.length > 0 ? `: ${details.join(", ")}` : "");
}
