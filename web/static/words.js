// What the page says: spans of time, countries, and events in words.

import { eventTypes } from "./event-types.js";

const minute = 60_000, hour = 60 * minute, day = 24 * hour;

// span says how long, in the two largest units.
export function span(ms) {
  if (ms < minute) return "under 1 min";
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) return join(Math.floor(ms / hour), "h", Math.floor((ms % hour) / minute), "min");
  return join(Math.floor(ms / day), "d", Math.floor((ms % day) / hour), "h");
}

const join = (a, unit, b, smaller) => (b ? `${a} ${unit} ${b} ${smaller}` : `${a} ${unit}`);

// due says where a case stands against its target. `late` is the API's overdue, reckoned on with the clock.
export function due(c, now) {
  if (c.status === "CLOSED") return { text: "closed" };
  if (c.status === "IN_PROGRESS") return { text: "in progress" };
  if (c.firstFollowUpAt) return { text: "reopened" };
  if (!c.dueAt) return { text: "no target" };
  const left = Date.parse(c.dueAt) - now;
  return left < 0 ? { text: `overdue ${span(-left)}`, late: true } : { text: `due in ${span(left)}`, soon: left < 4 * hour };
}

export const statuses = { OPEN: "Open", IN_PROGRESS: "In progress", CLOSED: "Closed" };

let names;
try {
  names = new Intl.DisplayNames(["en"], { type: "region" });
} catch { /* an old browser shows the code */ }

export function country(code) {
  try {
    return (code && names?.of(code)) || code;
  } catch {
    return code;
  }
}

export const time = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
export const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// The formats that the table of event types (model/event.go) names in its words, as in "step {text}".
const formats = {
  text: String,
  word: (name) => name.toLowerCase().replaceAll("_", " "),
  moment: (at) => moment.format(new Date(at)),
  duration: (iso) => span(milliseconds(iso)),
  chain: (list) => list.join(" → "),
};

// milliseconds reads a duration as the API writes it: "PT36H30M", "PT0.5S".
function milliseconds(iso) {
  const [, h = 0, m = 0, s = 0] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(iso) ?? [];
  return h * hour + m * minute + s * 1000;
}

// Types whose values decide what the sentence is. Every other type is said with its label and fields in the table.
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
    const said = ofCustomer.length > 0 ? [`customer's details changed${by}: ${ofCustomer.map(fieldName).join(", ")}`] : [];
    for (const name of e.changed) {
      if (!ofCustomer.includes(name)) said.push(`${details[name] ?? `${fieldName(name)} changed`}${by}`);
    }
    return said.join("; ");
  },
};

const details = { themes: "themes changed", notes: "a note was redacted", "case.externalRefs": "references to other systems changed" };

// fieldName makes words of the name of a field, such as "last contacted at" of "customer.lastContactedAt".
const fieldName = (name) => name.replace(/^\w+\./, "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

// event says what happened to the case, by whom, and the details.
export function event(e) {
  const type = eventTypes[e.type];
  const who = e.actor?.name ?? type?.system;
  const by = who ? ` by ${who}` : "";
  if (!type) return `${formats.word(e.type)}${by}`; // a server that is newer than this page has more types
  if (sentences[e.type]) return sentences[e.type](e, by);
  const said = type.fields.filter(({ name }) => e[name]?.toString()).map(({ name, words }) =>
    words.replace(/\{(\w+)\}/, (_, format) => formats[format](e[name])));
  return type.label + by + (said.length > 0 ? `: ${said.join(", ")}` : "");
}
