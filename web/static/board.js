// The wallboard: figures, the detractor cases that are not closed, and the latest events.
//
// The page's address can restrict it to some customers: ?country=DE,AT&segment=Enterprise&company=Acme.

import { FeedReset, now, request } from "./api.js";
import { $, badge, el, flash, setText, showTemplate } from "./dom.js";
import { eventFields } from "./event-types.js";
import * as words from "./words.js";

const pageSize = 60; // cases in one request
const eventLimit = 30; // events in the list of the latest

const caseFields = "number version status openedAt dueAt firstFollowUpAt";
const eventSelection = `
  __typename id type cursor at actor { name }
  snapshot { ${caseFields} assigneeName score category customerName company country }
  ${eventFields}`;

const listedTypes = ["OPENED", "ASSIGNED", "STATUS_CHANGED", "NOTE_ADDED"]; // shown in the list of the latest
const subscribedTypes = [...listedTypes, "DETAILS_CHANGED", "CUSTOMER_ERASED"];

const listQuery = `query Wallboard($scope: CaseFilter, $waiting: CaseFilter, $listedTypes: [CaseEventType!]) {
  cases(first: ${pageSize}, filter: $waiting) {
    feedCursor
    pageInfo { hasNextPage }
    nodes { ${caseFields} assignee { name } response { score category } customer { displayName company country } }
  }
  caseEvents(last: ${eventLimit}, filter: $scope, types: $listedTypes) { nodes { ${eventSelection} } }
}`;

const figuresQuery = `query Figures($scope: CaseFilter, $waiting: CaseFilter) {
  all: caseSummary(filter: $scope) { open inProgress closed overdue }
  waiting: caseSummary(filter: $waiting) { total }
}`;

const feedQuery = `subscription Wallboard($after: String, $scope: CaseFilter, $types: [CaseEventType!]) {
  caseEvents(after: $after, filter: $scope, types: $types) { cursor matches node { ${eventSelection} } }
}`;

// scopeFrom reads the filter from the query of the page's address, and the names to show for it.
function scopeFrom(search) {
  const customer = {};
  const labels = [];
  for (const name of ["country", "segment", "company"]) {
    const values = search.getAll(name).flatMap((v) => v.split(",")).map((v) => v.trim()).filter(Boolean);
    if (values.length === 0) continue;
    customer[name] = { in: values };
    labels.push(...(name === "country" ? values.map((v) => words.country(v.length === 2 ? v.toUpperCase() : v)) : values));
  }
  return { filter: labels.length > 0 ? { customer } : undefined, labels };
}

const fromCase = (c) => ({
  ...c, assignee: c.assignee?.name, score: c.response?.score,
  customer: c.customer.displayName, company: c.customer.company, country: c.customer.country,
});

const fromSnapshot = (s) => ({ ...s, assignee: s.assigneeName, customer: s.customerName });

export function boardView() {
  const scope = scopeFrom(new URLSearchParams(location.search));
  const waiting = { and: [{ status: ["OPEN", "IN_PROGRESS"], response: { category: ["DETRACTOR"] } }] };
  if (scope.filter) waiting.and.push(scope.filter);

  const rows = new Map(); // by case number
  let lowestNumber = 0; // cases with lower numbers are on later pages of the list
  let waitingTotal = 0; // on all pages

  showTemplate("board");
  setText($("scope"), scope.labels.join(", "));
  drawScale();

  // After events the figures are requested again, at most every two seconds. Counting events here would drift: a
  // summary includes everything up to its cursor, and may include more.
  let refreshing = null, refreshAgain = false;
  function refreshFigures(wait = 0) {
    refreshAgain = true;
    refreshing ??= (async () => {
      await new Promise((resolve) => setTimeout(resolve, wait));
      while (refreshAgain) {
        refreshAgain = false;
        try {
          const figures = await request(figuresQuery, { scope: scope.filter, waiting });
          for (const [name, value] of Object.entries(figures.all)) showFigure(name, value);
          waitingTotal = figures.waiting.total;
          showHeading();
        } catch { /* the feed shows that the connection is lost, and calls this again when it is back */ }
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
      refreshing = null;
    })();
  }

  function showFigure(name, value) {
    const element = $(name), text = value.toLocaleString();
    if (element.textContent === text) return;
    if (element.textContent !== "–") flash(element, [{ transform: "scale(1.25)" }, { transform: "none" }], 600);
    element.textContent = text;
    element.closest(".figure").classList.toggle("alarm", name === "overdue" && value > 0);
    if (name === "open") document.title = `${text} open – closeloop`;
  }

  function showHeading() {
    setText($("count"), waitingTotal > 0 ? `${waitingTotal.toLocaleString()} not closed, newest first` : "");
    $("none").hidden = rows.size > 0;
  }

  // putRow adds the row of a case, or updates it in place. A fresh row is marked as news.
  function putRow(c, fresh) {
    let row = rows.get(c.number);
    if (!row) {
      row = createRow(c.number);
      rows.set(c.number, row);
      const below = [...$("cases").children].find((li) => Number(li.dataset.number) < c.number);
      $("cases").insertBefore(row.li, below ?? null);
      if (fresh) row.li.classList.add("fresh");
    } else if (fresh) {
      flash(row.li.firstChild, [{ background: "var(--glow)" }, {}], 2500);
    }
    row.case = c;
    row.score.replaceChildren(badge(c.score));
    setText(row.customer, c.customer);
    setText(row.place, [c.company, words.country(c.country)].filter(Boolean).join(" · "));
    setText(row.assignee, c.assignee ?? "unassigned");
    row.assignee.classList.toggle("unassigned", !c.assignee);
    showTimes(row);
  }

  function createRow(number) {
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

  // showTimes shows what changes with the clock: the time to the target, and the age.
  function showTimes(row) {
    const at = now(), { text, late, soon } = words.due(row.case, at);
    setText(row.due, text);
    row.due.classList.toggle("late", Boolean(late));
    row.due.classList.toggle("soon", Boolean(soon));
    row.due.classList.toggle("working", row.case.status === "IN_PROGRESS");
    setText(row.age, `open ${words.span(at - Date.parse(row.case.openedAt))}`);
  }

  // removeRow removes a row. The row of a closed case says so for three seconds.
  function removeRow(number, closed) {
    const row = rows.get(number);
    if (!row) return;
    rows.delete(number);
    if (closed) {
      setText(row.due, "closed");
      row.due.className = "due";
    }
    row.li.classList.remove("fresh");
    row.li.classList.add(closed ? "closed" : "removed");
    setTimeout(() => row.li.remove(), closed ? 3000 : 600);
  }

  // addEvent shows an event on top of the list of the latest. Events of a type without a place there are skipped.
  function addEvent(e) {
    const items = $("events");
    if (!listedTypes.includes(e.type) || [...items.children].some((li) => li.dataset.id === e.id)) return;
    const s = e.snapshot;
    items.prepend(el("li", { "data-id": e.id, "data-number": s.number, class: e.type === "STATUS_CHANGED" ? e.status.toLowerCase() : e.type.toLowerCase() },
      badge(s.score),
      el("span", {}, el("a", { href: `cases/${s.number}` }, `#${s.number}`), " ", el("bdi", {}, s.customerName), ": ", el("bdi", {}, words.event(e))),
      el("time", { datetime: e.at }, words.time.format(new Date(e.at)))));
    while (items.children.length > eventLimit) items.lastChild.remove();
  }

  // redactName replaces the name of an erased customer in the list of the latest.
  function redactName(s) {
    for (const li of $("events").children) {
      if (Number(li.dataset.number) === s.number) setText(li.querySelector("bdi"), s.customerName);
    }
  }

  setInterval(() => rows.forEach(showTimes), 5000);
  setInterval(() => refreshFigures(), 30_000); // subscribedTypes has no OVERDUE

  return {
    query: feedQuery,
    variables: { scope: scope.filter, types: subscribedTypes },

    async read() {
      const { cases, caseEvents } = await request(listQuery, { scope: scope.filter, waiting, listedTypes });
      for (const number of rows.keys()) {
        if (!cases.nodes.some((c) => c.number === number)) removeRow(number);
      }
      cases.nodes.forEach((c) => putRow(fromCase(c)));
      lowestNumber = cases.pageInfo.hasNextPage ? Math.min(...cases.nodes.map((c) => c.number)) : 0;
      showHeading();

      // Screen readers must not read the events that are already there.
      const events = $("events");
      events.setAttribute("aria-live", "off");
      caseEvents.nodes.forEach(addEvent);
      setTimeout(() => events.setAttribute("aria-live", "polite"), 1000);
      return cases.feedCursor;
    },

    live: () => refreshFigures(),

    event({ matches, node: e }) {
      if (e.type === "CUSTOMER_ERASED") redactName(e.snapshot);
      addEvent(e);
      refreshFigures(300);
      const c = fromSnapshot(e.snapshot), known = rows.get(c.number);
      if (known && c.version <= known.case.version) return; // the list that was read is newer
      const isWaiting = matches && c.category === "DETRACTOR" && c.status !== "CLOSED";
      if (isWaiting && c.number >= lowestNumber) putRow(c, true);
      if (!isWaiting) removeRow(c.number, c.status === "CLOSED");
      if (lowestNumber > 0 && rows.size < pageSize / 2) throw new FeedReset(); // fill the list with the next cases
      if (rows.size > 2 * pageSize) trimRows();
    },
  };

  // trimRows removes the oldest rows, so that a wallboard that stays open for months does not grow.
  function trimRows() {
    const numbers = [...rows.keys()].sort((a, b) => b - a);
    lowestNumber = numbers[pageSize - 1];
    numbers.slice(pageSize).forEach((number) => removeRow(number));
  }
}

function drawScale() {
  const groups = [["Detractor", [0, 1, 2, 3, 4, 5, 6]], ["Passive", [7, 8]], ["Promoter", [9, 10]]];
  $("scale").append(...groups.map(([name, scores]) => el("li", {}, scores.map((score) => badge(score)), name)));
}
