// The page of one case: the customer, the response, and the history.

import { now, request } from "./api.js";
import { $, badge, el } from "./dom.js";
import { eventFields } from "./event-types.js";
import * as words from "./words.js";

// This reads a list of one case, not `case(number:)`, because a list comes with its cursor in the feed.
const listQuery = `query Case($filter: CaseFilter) {
  cases(first: 1, filter: $filter) {
    feedCursor
    nodes {
      number status origin openedAt dueAt firstFollowUpAt closedAt reopenCount
      assignee { name } openedBy { name }
      customer { displayName email phone company country segment lifetimeValue attributes { key value } }
      response { score survey comment drivers contactRequested quoteConsent respondedAt attributes { key value } }
      history(last: 100) {
        pageInfo { hasPreviousPage }
        nodes {
          id type at actor { name } note { body } snapshot { assigneeName }
          ${eventFields}
        }
      }
    }
  }
}`;

const feedQuery = `subscription Case($after: String, $filter: CaseFilter) {
  caseEvents(after: $after, filter: $filter) { cursor }
}`;

export function caseView(number) {
  const filter = { number: { eq: number } };
  let latestRead = 0; // an older answer may arrive after a newer one, and must not replace it

  async function read() {
    const thisRead = ++latestRead;
    const { cases } = await request(listQuery, { filter });
    if (thisRead === latestRead) draw(cases.nodes[0]);
    return cases.feedCursor;
  }

  function draw(c) {
    document.title = c ? `Case ${c.number} – closeloop` : "closeloop";
    $("view").replaceChildren(c ? article(c) : el("p", { class: "message" }, `Case ${number} does not exist, or you may not see it.`));
  }

  return { query: feedQuery, variables: { filter }, read, live() {}, event: () => void read().catch(() => {}) };
}

function article(c) {
  const { customer, response } = c;
  const { text, late } = words.due(c, now());
  const until = c.closedAt ? Date.parse(c.closedAt) : now();
  return el("article", { class: "case" },
    el("nav", {}, el("a", { href: "./" }, "← Wallboard")),
    el("header", {},
      response && badge(response.score, true),
      el("div", {},
        el("h1", {}, el("bdi", {}, customer.displayName)),
        el("p", {}, `Case ${c.number}`, " · ", el("strong", {}, words.statuses[c.status]), " · ",
          c.assignee ? el("bdi", {}, c.assignee.name) : "unassigned"))),

    response?.comment && el("blockquote", { dir: "auto" }, response.comment),

    el("div", { class: "columns" },
      section("Customer", facts([
        ["Company", customer.company],
        ["Country", words.country(customer.country)],
        ["Segment", customer.segment],
        ["E-mail", customer.email && el("a", { href: `mailto:${encodeURIComponent(customer.email).replace("%40", "@")}` }, customer.email)],
        ["Phone", customer.phone && el("a", { href: `tel:${customer.phone.replace(/\(0\)|[^+\d]/g, "")}` }, customer.phone)],
        ["Lifetime value", customer.lifetimeValue && Number(customer.lifetimeValue).toLocaleString()],
        ...customer.attributes.map((a) => [a.key, a.value]),
      ])),
      section("Case", facts([
        ["Opened", words.moment.format(new Date(c.openedAt))],
        ["By", c.origin === "RULE" ? "a rule" : c.openedBy?.name],
        ["Open for", words.span(until - Date.parse(c.openedAt))],
        ["Target", c.dueAt && words.moment.format(new Date(c.dueAt))],
        ["Follow-up", c.firstFollowUpAt ? words.moment.format(new Date(c.firstFollowUpAt)) : el("span", { class: late ? "late" : null }, text)],
        ["Closed", c.closedAt && words.moment.format(new Date(c.closedAt))],
        ["Reopened", c.reopenCount > 0 && (c.reopenCount === 1 ? "once" : `${c.reopenCount} times`)],
      ])),
      response && section("Response", facts([
        ["Survey", response.survey],
        ["Answered", words.moment.format(new Date(response.respondedAt))],
        ["Please contact me", response.contactRequested ? "yes" : "no"],
        ["May be quoted", response.quoteConsent === null ? null : response.quoteConsent ? "yes" : "no"],
        ["Drivers", response.drivers.join(", ")],
        ...response.attributes.map((a) => [a.key, a.value]),
      ]))),

    section("History and notes",
      c.history.pageInfo.hasPreviousPage && el("p", { class: "hint" }, "Only the latest 100 events are shown."),
      el("ol", { class: "history", role: "list" }, c.history.nodes.map((e) => el("li", {},
        el("time", { datetime: e.at }, words.moment.format(new Date(e.at))),
        el("div", {}, el("p", { dir: "auto" }, capital(words.event(e))),
          e.note && el("p", { class: "note", dir: "auto" }, e.note.body)))))));
}

const section = (title, ...children) => el("section", {}, el("h2", {}, title), ...children.filter(Boolean));

const facts = (pairs) => el("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) =>
  el("div", {}, el("dt", { dir: "auto" }, name), el("dd", { dir: "auto" }, value))));

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
