// What the page says: spans of time, countries, and events in words.

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

// event says what happened to the case, in a few words.
export function event(e) {
  const who = e.actor?.name;
  const by = who ? ` by ${who}` : "";
  const to = e.snapshot.assigneeName;
  switch (e.type) {
    case "OPENED": return `opened${by}`;
    case "ASSIGNED":
      if (!to) return `taken from ${e.previousAssignee?.name ?? "its assignee"}${by}`;
      return to === who ? `taken by ${to}` : `given to ${to}${by}`;
    case "STATUS_CHANGED":
      if (e.status === "CLOSED") return `closed${by}`;
      if (e.status === "IN_PROGRESS") return `${e.previousStatus === "CLOSED" ? "back in progress" : "in progress"}${by}`;
      return `${e.previousStatus === "CLOSED" ? "opened again" : "back to open"}${by}`;
    case "NOTE_ADDED": return `note${by}`;
    case "CUSTOMER_ERASED": return `customer's personal data erased${by}`;
    case "DETAILS_CHANGED": return `customer's data changed${by}`;
    default: return "";
  }
}
