// The status page: asks localstage what there is and what happens, and shows it. Sends nothing, keeps nothing.
// Whatever comes from outside, such as a function's line or a route's name, is set as text, never as markup.
"use strict";

const KEPT = 300;
const LOOK_MS = 1000;
const WAIT_S = 20;
const PLATFORM = /^((START|END|REPORT) RequestId:|INIT_(START|REPORT) |\[WARNING\]\s.*LAMBDA_WARNING:)/;

const at = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function ask(what) {
  const answer = await fetch(what, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
  return answer.json();
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function row(...cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}

function time(ms) {
  const moment = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":");
  return `${clock}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
}

function mark(list, isFull) {
  list.closest("section").classList.toggle("full", isFull);
}

let shownOverview = "";

function showOverview(found) {
  const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
  at("facts").textContent = `${found.url}, ${found.region}: ${count(found.connections, "connection")}, ` +
    count(found.environments, "execution environment");
  const drawn = JSON.stringify([found.stages, found.open]);
  if (drawn === shownOverview) return; // A table that is made anew loses what somebody has selected in it.
  shownOverview = drawn;
  at("stages").replaceChildren(...found.stages.map(stageOf));
  mark(at("stages"), found.stages.length > 0);
  const names = new Map(found.stages.map((stage) => [stage.api_id, stage.api_name]));
  at("open").replaceChildren(...found.open.map((one) => row(
    element("td", one.connection_id),
    element("td", `${names.get(one.api_id) ?? one.api_id} ${one.stage}`),
    element("td", time(one.connected_at_ms), "time"),
    element("td", time(one.last_active_ms), "time"),
  )));
  mark(at("open"), found.open.length > 0);
}

function stageOf(stage) {
  const made = element("div");
  const body = element("tbody");
  body.append(...stage.routes.map((route) => row(
    element("td", route.route_key),
    element("td", route.integration ?? "none", route.integration ? "" : "bad"),
    element("td", route.target),
    element("td", route.authorization),
  )));
  const head = element("thead");
  head.append(row(...["Route", "Integration", "Target", "Authorization"].map((name) => {
    const title = element("th", name);
    title.scope = "col";
    return title;
  })));
  const table = element("table");
  table.append(head, body);
  const place = element("p");
  place.append(element("code", stage.local_url), " and, as on AWS, ", element("code", stage.url), "; routes by ",
    element("code", stage.route_selection_expression));
  const scroll = element("div", undefined, "scroll");
  scroll.tabIndex = 0;
  scroll.append(table);
  made.append(element("h3", `${stage.api_name}, stage ${stage.stage}`), place, scroll);
  return made;
}

function showEntry(entry) {
  if (entry.kind === "event") {
    const good = entry.status < 400;
    add(at("events"), row(
      element("td", time(entry.at_ms), "time"),
      element("td", entry.route),
      element("td", String(entry.status), good ? "good" : "bad"),
      element("td", entry.latency_ms === null ? "" : `${entry.latency_ms} ms`, "number"),
      element("td", entry.connection_id),
      element("td", entry.error ?? "", "bad"),
    ));
  } else if (entry.kind === "line") {
    const made = row(
      element("td", time(entry.at_ms), "time"),
      element("td", entry.function),
      element("td", entry.text, PLATFORM.test(entry.text) ? "line platform" : "line"),
    );
    made.dataset.function = entry.function.toLowerCase();
    made.dataset.platform = PLATFORM.test(entry.text);
    choose(made);
    add(at("lines"), made);
  }
}

function add(list, made) { // The newest is first.
  list.prepend(made);
  while (list.children.length > KEPT) list.lastElementChild.remove();
  mark(list, true);
}

function choose(made) {
  const wanted = made.dataset.function.includes(at("filter").value.trim().toLowerCase());
  made.hidden = !wanted || (made.dataset.platform === "true" && !at("platform").checked);
}

async function keepLooking() {
  for (;;) {
    try {
      showOverview(await ask("overview"));
      at("state").textContent = "";
    } catch {
      at("state").textContent = "localstage does not answer; it may have ended.";
    }
    await pause(LOOK_MS);
  }
}

async function keepListening() {
  let last = 0;
  let pid = null;
  for (;;) {
    try {
      const found = await ask(`activity?after=${last}&wait=${last ? WAIT_S : 0}`);
      if (pid !== null && found.pid !== pid) { // Another localstage has the port now: what it tells begins anew.
        for (const id of ["events", "lines"]) {
          at(id).replaceChildren();
          mark(at(id), false);
        }
        last = 0;
        pid = found.pid;
        continue;
      }
      pid = found.pid;
      found.entries.forEach(showEntry);
      if (!last && !found.last) await pause(LOOK_MS);
      last = found.last;
    } catch {
      await pause(LOOK_MS);
    }
  }
}

for (const id of ["filter", "platform"]) {
  at(id).addEventListener("input", () => [...at("lines").children].forEach(choose));
}
keepLooking();
keepListening();
