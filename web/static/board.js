// The wallboard: figures, the detractors whose cases are not closed, and the latest events.
//
// The address may narrow it: ?country=DE,AT&segment=Enterprise&company=Acme.

import { ask, now, Reset } from "./api.js";
import { $, badge, el, flash, say, show } from "./dom.js";
import { eventFields } from "./event-types.js";
import * as words from "./words.js";

const page = 60; // cases read at a time
const kept = 30; // of the latest events

const fields = "number version status openedAt dueAt firstFollowUpAt";
const ofEvent = `
  __typename id type cursor at matches actor { name }
  snapshot { ${fields} assigneeName score category customerName company country }
  ${eventFields}`;

const told = ["OPENED", "ASSIGNED", "STATUS_CHANGED", "NOTE_ADDED"]; // in the list of the latest
const types = [...told, "DETAILS_CHANGED", "CUSTOMER_ERASED"];

const listQuery = `query Wallboard($scope: CaseFilter, $waiting: CaseFilter, $told: [CaseEventType!]) {
  cases(first: ${page}, filter: $waiting) {
    feedCursor
    pageInfo { hasNextPage }
    nodes { ${fields} assignee { name } response { score category } customer { displayName company country } }
  }
  caseEvents(last: ${kept}, filter: $scope, types: $told) { nodes { ${ofEvent} } }
}`;

const figuresQuery = `query Figures($scope: CaseFilter, $waiting: CaseFilter) {
  all: caseSummary(filter: $scope) { open inProgress closed overdue }
  waiting: caseSummary(filter: $waiting) { total }
}`;

const feedQuery = `subscription Wallboard($after: String, $scope: CaseFilter, $types: [CaseEventType!]) {
  caseEvents(after: $after, filter: $scope, types: $types) { ${ofEvent} }
}`;

// scopeOf reads the filter from the page's address.
function scopeOf(search) {
  const customer = {};
  const named = [];
  for (const name of ["country", "segment", "company"]) {
    const values = search.getAll(name).flatMap((v) => v.split(",")).map((v) => v.trim()).filter(Boolean);
    if (values.length === 0) continue;
    customer[name] = { in: values };
    named.push(...(name === "country" ? values.map((v) => words.country(v.length === 2 ? v.toUpperCase() : v)) : values));
  }
  return { filter: named.length > 0 ? { customer } : undefined, named };
}

const ofCase = (c) => ({
  ...c, assignee: c.assignee?.name, score: c.response?.score,
  customer: c.customer.displayName, company: c.customer.company, country: c.customer.country,
});

const ofSnapshot = (s) => ({ ...s, assignee: s.assigneeName, customer: s.customerName });

export function board() {
  const scope = scopeOf(new URLSearchParams(location.search));
  const waiting = { and: [{ status: ["OPEN", "IN_PROGRESS"], response: { category: ["DETRACTOR"] } }] };
  if (scope.filter) waiting.and.push(scope.filter);

  const rows = new Map(); // by the case's number
  let floor = 0; // cases below this number are beyond the page that was read
  let total = 0; // that wait, on all pages

  show("board");
  say($("scope"), scope.named.join(", "));
  drawScale();

  // The figures are counted anew after events, at most every two seconds: a count on the screen would drift, because
  // the summary includes at least what its cursor says, and may include more.
  let counting = null, again = false;
  function count(wait = 0) {
    again = true;
    counting ??= (async () => {
      await new Promise((resolve) => setTimeout(resolve, wait));
      while (again) {
        again = false;
        try {
          const figures = await ask(figuresQuery, { scope: scope.filter, waiting });
          for (const [name, value] of Object.entries(figures.all)) figure(name, value);
          total = figures.waiting.total;
          heading();
        } catch { /* the feed says that the connection is gone, and counts again when it is back */ }
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
      counting = null;
    })();
  }

  function figure(name, value) {
    const element = $(name), text = value.toLocaleString();
    if (element.textContent === text) return;
    if (element.textContent !== "–") flash(element, [{ transform: "scale(1.25)" }, { transform: "none" }], 600);
    element.textContent = text;
    element.closest(".figure").classList.toggle("alarm", name === "overdue" && value > 0);
    if (name === "open") document.title = `${text} open – closeloop`;
  }

  function heading() {
    say($("count"), total > 0 ? `${total.toLocaleString()} not closed, the newest first` : "");
    $("none").hidden = rows.size > 0;
  }

  // One row: made once, changed in place.
  function put(c, fresh) {
    let row = rows.get(c.number);
    if (!row) {
      row = draw(c.number);
      rows.set(c.number, row);
      const below = [...$("cases").children].find((li) => Number(li.dataset.number) < c.number);
      $("cases").insertBefore(row.li, below ?? null);
      if (fresh) row.li.classList.add("fresh");
    } else if (fresh) {
      flash(row.li.firstChild, [{ background: "var(--glow)" }, {}], 2500);
    }
    row.case = c;
    row.score.replaceChildren(badge(c.score));
    say(row.customer, c.customer);
    say(row.place, [c.company, words.country(c.country)].filter(Boolean).join(" · "));
    say(row.assignee, c.assignee ?? "nobody yet");
    row.assignee.classList.toggle("nobody", !c.assignee);
    tell(row);
  }

  function draw(number) {
    const row = {
      score: el("span"), customer: el("span", { class: "customer", dir: "auto" }), place: el("span", { class: "place", dir: "auto" }),
      assignee: el("span", { class: "assignee", dir: "auto" }), age: el("span", { class: "age" }), due: el("span", { class: "due" }),
    };
    row.li = el("li", { "data-number": number }, el("div", {}, el("a", { href: `cases/${number}` },
      row.score,
      el("span", { class: "who" }, row.customer, el("span", { class: "where" }, el("span", { class: "number" }, `#${number}`), row.place)),
      el("span", { class: "when" }, row.due, row.age),
      row.assignee)));
    return row;
  }

  // tell shows what passes with time.
  function tell(row) {
    const at = now(), { text, late, soon } = words.due(row.case, at);
    say(row.due, text);
    row.due.classList.toggle("late", Boolean(late));
    row.due.classList.toggle("soon", Boolean(soon));
    row.due.classList.toggle("working", row.case.status === "IN_PROGRESS");
    say(row.age, `open ${words.span(at - Date.parse(row.case.openedAt))}`);
  }

  // drop lets a row go: one that was closed says so first.
  function drop(number, closed) {
    const row = rows.get(number);
    if (!row) return;
    rows.delete(number);
    if (closed) {
      say(row.due, "closed");
      row.due.className = "due";
    }
    row.li.classList.remove("fresh");
    row.li.classList.add(closed ? "closed" : "gone");
    setTimeout(() => row.li.remove(), closed ? 3000 : 600);
  }

  function line(e) {
    const lines = $("events");
    if (!told.includes(e.type) || [...lines.children].some((li) => li.dataset.id === e.id)) return;
    const s = e.snapshot;
    lines.prepend(el("li", { "data-id": e.id, "data-number": s.number, class: e.type === "STATUS_CHANGED" ? e.status.toLowerCase() : e.type.toLowerCase() },
      badge(s.score),
      el("span", {}, el("a", { href: `cases/${s.number}` }, `#${s.number}`), " ", el("bdi", {}, s.customerName), ": ", el("bdi", {}, words.event(e))),
      el("time", { datetime: e.at }, words.time.format(new Date(e.at)))));
    while (lines.children.length > kept) lines.lastChild.remove();
  }

  // forget takes the name of a customer who was erased off the list of the latest.
  function forget(s) {
    for (const li of $("events").children) {
      if (Number(li.dataset.number) === s.number) say(li.querySelector("bdi"), s.customerName);
    }
  }

  setInterval(() => rows.forEach(tell), 5000);
  setInterval(() => count(), 30_000); // a case becomes overdue without an event

  return {
    query: feedQuery,
    variables: { scope: scope.filter, types },

    async read() {
      const { cases, caseEvents } = await ask(listQuery, { scope: scope.filter, waiting, told });
      for (const number of rows.keys()) {
        if (!cases.nodes.some((c) => c.number === number)) drop(number);
      }
      cases.nodes.forEach((c) => put(ofCase(c)));
      floor = cases.pageInfo.hasNextPage ? Math.min(...cases.nodes.map((c) => c.number)) : 0;
      heading();

      // What was there before is not news: it is not read aloud.
      const events = $("events");
      events.setAttribute("aria-live", "off");
      caseEvents.nodes.forEach(line);
      setTimeout(() => events.setAttribute("aria-live", "polite"), 1000);
      return cases.feedCursor;
    },

    live: () => count(),

    event(e) {
      if (e.type === "CUSTOMER_ERASED") forget(e.snapshot);
      line(e);
      count(300);
      const c = ofSnapshot(e.snapshot), known = rows.get(c.number);
      if (known && c.version <= known.case.version) return; // the list was newer
      const waits = e.matches && c.category === "DETRACTOR" && c.status !== "CLOSED";
      if (waits && c.number >= floor) put(c, true);
      if (!waits) drop(c.number, c.status === "CLOSED");
      if (floor > 0 && rows.size < page / 2) throw new Reset(); // the next ones move up
      if (rows.size > 2 * page) cut();
    },
  };

  // cut forgets the oldest rows, so that a board that is left on for months does not grow.
  function cut() {
    const numbers = [...rows.keys()].sort((a, b) => b - a);
    floor = numbers[page - 1];
    numbers.slice(page).forEach((number) => drop(number));
  }
}

function drawScale() {
  const groups = [["Detractor", [0, 1, 2, 3, 4, 5, 6]], ["Passive", [7, 8]], ["Promoter", [9, 10]]];
  $("scale").append(...groups.map(([name, scores]) => el("li", {}, scores.map((score) => badge(score)), name)));
}
