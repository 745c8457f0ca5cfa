// The chat page. Three parts: Connection keeps one WebSocket open and knows nothing of the page;
// Log shows what arrived and knows nothing of sockets; the rest joins the two.
// Text from the wire is only ever put into the page as textContent.
"use strict";

const FRAME_LIMIT = 32 * 1024; // bytes: API Gateway closes a connection that sends a longer frame
const LINES = 500; // most lines that are kept on the screen
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 30;
const STEADY_S = 5; // a connection that lasted so long makes the next wait short again

const $ = (id) => document.getElementById(id);

/** A WebSocket that comes back. Calls on.state(state, text), on.frame(text) and on.note(text). */
class Connection {
  constructor(on) {
    this.on = on;
    this.state = "offline"; // offline, connecting, connected, waiting (for the next attempt)
    this.attempts = 0;
  }

  open(url, heartbeatS, autoDisconnectS) {
    Object.assign(this, { url, heartbeatS, autoDisconnectS, attempts: 0 });
    this.#attempt();
  }

  /** Close for good: no further attempt follows. */
  close(why) {
    this.#release();
    this.#enter("offline", why);
  }

  send(value) {
    const text = JSON.stringify(value);
    const size = new TextEncoder().encode(text).length;
    if (size > FRAME_LIMIT) throw new RangeError(`This is ${size} bytes long; at most ${FRAME_LIMIT} can be sent at once.`);
    this.socket.send(text);
    this.awaiting = false; // what comes next may answer this and not the heartbeat
  }

  /** Attempt now instead of at the end of the wait. */
  hurry() {
    if (this.state === "waiting") this.#attempt();
  }

  #attempt() {
    this.#release();
    const socket = new WebSocket(this.url); // throws SyntaxError for what is no WebSocket URL
    this.socket = socket;
    this.#enter("connecting", this.attempts ? "Connecting again…" : "Connecting…");
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
  }

  #opened() {
    this.openedAt = new Date();
    this.answered = false; // whether this API answers heartbeats
    this.awaiting = false; // whether an answer is due
    this.beating = setInterval(() => this.#beat(), this.heartbeatS * 1000);
    this.steady = setTimeout(() => { this.attempts = 0; }, STEADY_S * 1000);
    if (this.autoDisconnectS) {
      const end = () => this.close(`Disconnected after ${this.autoDisconnectS} s, as set`);
      this.ending = setTimeout(end, this.autoDisconnectS * 1000);
    }
    this.#enter("connected", "Connected");
  }

  /** A heartbeat is a message: API Gateway closes what was silent for ten minutes, and ping frames do not count. */
  #beat() {
    if (this.awaiting && this.answered) return this.#lost(0, "no answer to the heartbeat");
    this.send({ action: "ping" });
    this.awaiting = true;
  }

  #received(text) {
    const frame = parsed(text);
    if (frame.type === "pong") {
      this.awaiting = false;
      this.answered = true;
    } else if (this.awaiting && !this.answered && isNoPingRoute(frame)) {
      this.awaiting = false;
      if (!this.noted) this.on.note("This API has no route named ping. Heartbeats keep the connection open all the same.");
      this.noted = true;
    } else {
      this.on.frame(frame);
    }
  }

  #lost(code, reason) {
    this.#release();
    const longest = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** this.attempts);
    const waitS = longest * (0.5 + Math.random() / 2); // jitter: a crowd must not come back in one instant
    this.attempts += 1;
    this.waiting = setTimeout(() => this.#attempt(), waitS * 1000);
    const cause = [code === 1006 || !code ? "" : code, reason].filter(Boolean).join(" ");
    this.#enter("waiting", `Connection lost${cause ? ` (${cause})` : ""}. Trying again in ${Math.ceil(waitS)} s`);
  }

  /** Stop every timer and let the socket go. */
  #release() {
    clearInterval(this.beating);
    for (const timer of [this.steady, this.ending, this.waiting]) clearTimeout(timer);
    if (this.socket) {
      this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
      this.socket.close();
      this.socket = null;
    }
  }

  #enter(state, text) {
    this.state = state;
    this.on.state(state, text);
  }
}

/** A frame as an object; text that is no JSON object becomes one with the text as its message. */
function parsed(text) {
  try {
    const frame = JSON.parse(text);
    if (frame && typeof frame === "object" && !Array.isArray(frame)) return frame;
  } catch { /* not JSON: shown as it is */ }
  return { message: String(text) };
}

/** What an API without the route ping answers: API Gateway's own frame, or the default function's. */
function isNoPingRoute(frame) {
  return frame.type === "usage" || (frame.message === "Forbidden" && "connectionId" in frame);
}

/** The lines on the screen. */
class Log {
  constructor(list) {
    this.list = list;
    this.seen = new Set(); // message ids: a repeated delivery is shown once
    this.sent = []; // own messages whose return is awaited
  }

  /** Show an own message at once; arrived() marks it when it comes back. */
  sending(sender, text) {
    const line = this.#message(sender, text, true);
    line.classList.add("pending");
    line.append(element("span", "mark", "sent"));
    this.sent.push({ sender, text, line });
    if (this.sent.length > LINES) this.sent.shift();
    this.#append(line);
  }

  arrived({ sender, message, timestamp, message_id: id }) {
    if (id !== undefined && this.seen.has(id)) return false;
    if (id !== undefined) this.seen.add(id);
    const moment = typeof timestamp === "number" ? new Date(timestamp / 1000) : new Date();
    const place = this.sent.findIndex((own) => own.sender === sender && own.text === message);
    const own = place >= 0 ? this.sent.splice(place, 1)[0].line : null;
    const line = own || this.#message(sender, message, false);
    line.classList.remove("pending");
    line.querySelector(".mark")?.remove();
    line.append(clockTime(moment));
    if (!own) this.#append(line);
    return !own;
  }

  say(kind, text) {
    this.last = null;
    this.#append(element("li", kind, text));
  }

  clear() {
    this.list.replaceChildren();
    this.last = null;
    $("empty").hidden = false;
  }

  #message(sender, text, own) {
    const line = element("li", own ? "own" : "other");
    const who = `${own ? "own" : "other"}:${sender}`;
    if (who !== this.last) {
      const name = element("bdi", "", sender);
      const label = element("span", "sender");
      label.append(name);
      line.append(label);
    } else {
      line.append(element("span", "hidden", `${sender}:`)); // heard, not seen
    }
    this.last = who;
    const bubble = element("span", "text", text);
    bubble.dir = "auto";
    line.append(bubble);
    return line;
  }

  #append(line) {
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    this.list.append(line);
    while (this.list.childElementCount > LINES) this.list.firstElementChild.remove();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
    $("empty").hidden = true;
  }
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function clockTime(moment) {
  const valid = Number.isNaN(moment.getTime()) ? new Date() : moment;
  const time = element("time", "", valid.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = valid.toISOString();
  return time;
}

/** Seconds as 1:02:03. */
function duration(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Settings that outlive the page; a browser that keeps none is fine too. */
const memory = {
  get(key) { try { return localStorage.getItem(`chat.${key}`); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(`chat.${key}`, value); } catch { /* not kept */ } },
};

// The page.

const log = new Log($("log"));
const connection = new Connection({ state: show, frame: receive, note: (text) => log.say("notice", text) });
const LEAVE = { connecting: "Cancel", connected: "Disconnect", waiting: "Stop trying" };
const title = document.title;
let unread = 0;

function show(state, text) {
  const connected = state === "connected";
  document.body.dataset.state = state;
  $("status-text").textContent = text;
  $("connect").hidden = state !== "offline";
  $("disconnect").hidden = state === "offline";
  $("disconnect").textContent = LEAVE[state] ?? "";
  for (const id of ["url", "heartbeat", "auto-disconnect", "auto-disconnect-s"]) $(id).disabled = state !== "offline";
  for (const id of ["message", "send"]) $(id).disabled = !connected;
  $("session").hidden = !connected;
  if (state === "offline") {
    memory.set("connected", "no");
    $("settings").open = true;
    if (document.activeElement === document.body) $("connect").focus(); // what had the focus has gone
  }
  if (connected) {
    memory.set("connected", "yes");
    memory.set("url", connection.url);
    $("settings").open = false;
    $("connected-at").dateTime = connection.openedAt.toISOString();
    $("connected-at").textContent = `${connection.openedAt.toISOString().slice(0, 19).replace("T", " ")} UTC`;
    tick();
    $("message").focus();
  }
}

function receive(frame) {
  if (typeof frame.sender === "string" && typeof frame.message === "string") {
    if (log.arrived(frame) && document.hidden) unread += 1;
  } else if (frame.type === "error" || (frame.type === undefined && "connectionId" in frame)) {
    log.say("error", String(frame.message)); // refused by the chat, or API Gateway's own: Forbidden and the like
  } else {
    log.say("notice", typeof frame.message === "string" ? frame.message : JSON.stringify(frame));
  }
  document.title = unread ? `(${unread}) ${title}` : title;
}

function tick() {
  if (connection.state !== "connected") return;
  const seconds = Math.floor((Date.now() - connection.openedAt) / 1000);
  $("clock").textContent = duration(seconds);
  $("remaining-part").hidden = !connection.autoDisconnectS;
  $("remaining").textContent = duration(Math.max(0, connection.autoDisconnectS - seconds));
}

function connect() {
  const url = $("url").value.trim();
  try {
    if (!/^wss?:\/\/\S+$/.test(url)) throw new SyntaxError("a WebSocket URL begins with wss:// or ws://");
    connection.open(url, Number($("heartbeat").value), $("auto-disconnect").checked ? Number($("auto-disconnect-s").value) : 0);
  } catch (error) { // no WebSocket URL, or ws: from an https: page
    connection.close("Not connected");
    log.say("error", `Cannot connect to ${url}: ${error.message}`);
    $("url").focus();
  }
}

function sendMessage() {
  const text = $("message").value;
  if (connection.state !== "connected" || !text.trim()) return;
  const sender = $("name").value.trim();
  try {
    connection.send({ action: "sendMessage", ...(sender && { sender }), message: text });
  } catch (error) {
    log.say("error", error.message);
    return;
  }
  if (sender) log.sending(sender, text);
  $("message").value = "";
}

$("connect-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (connection.state === "offline") connect();
});

$("disconnect").addEventListener("click", () => connection.close("Disconnected"));

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  sendMessage();
});

$("message").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendMessage();
});

$("clear").addEventListener("click", () => log.clear());
$("name").addEventListener("change", () => memory.set("name", $("name").value.trim()));
window.addEventListener("online", () => connection.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  document.title = title;
});

function begin() {
  const query = new URLSearchParams(location.search);
  const remembered = memory.get("url");
  $("url").value = query.get("url") || remembered || "";
  $("name").value = query.get("name") || memory.get("name") || `guest-${Math.floor(1000 + Math.random() * 9000)}`;
  memory.set("name", $("name").value);
  setInterval(tick, 1000);
  // A link can fill in an address, but only one that this person has chosen before is connected to unasked.
  if (remembered && $("url").value === remembered && memory.get("connected") === "yes") connect();
}

begin();
