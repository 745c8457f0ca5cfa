// The chat page: joins the connection (connection.js), the log (log.js), the address (address.js) and the form.
"use strict";

const $ = (id) => document.getElementById(id);

/** Seconds as 1:02:03. */
function duration(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/**
 * What outlives the page: a tab's own first, then what any tab had last. A browser that keeps nothing is fine too.
 * A token is kept for its tab alone, so that it ends with it.
 */
const memory = {
  get(key) {
    try { return sessionStorage.getItem(`chat.${key}`) ?? localStorage.getItem(`chat.${key}`); } catch { return null; }
  },
  set(key, value) {
    try {
      for (const kept of key === "token" ? [sessionStorage] : [sessionStorage, localStorage]) kept.setItem(`chat.${key}`, value);
    } catch { /* not kept */ }
  },
};

// The page.

const log = new Log($("log"), $("empty"));
const connection = new Connection({ state: show, frame: receive, note: (text) => log.say("notice", text), unreachable });
const NEW_LINK = "Has the notebook that you came from ended? Open its new link.";
const SETTINGS = ["heartbeat", "auto-disconnect-s"]; // fields that are remembered as they are
const LEAVE = { connecting: "Cancel", connected: "Disconnect", waiting: "Stop trying" };
const title = document.title;
let unread = 0;

function show(state, text) {
  const connected = state === "connected";
  document.body.dataset.state = state;
  const focused = document.activeElement; // asked for before it is disabled or hidden
  $("status-text").textContent = text;
  $("connect").hidden = state !== "offline";
  $("disconnect").hidden = state === "offline";
  $("disconnect").textContent = LEAVE[state] ?? "";
  for (const id of ["url", "token", "room", "heartbeat", "auto-disconnect", "auto-disconnect-s"]) $(id).disabled = state !== "offline";
  for (const id of ["message", "send", "earlier"]) $(id).disabled = !connected;
  $("session").hidden = !connected;
  if (state === "offline") {
    memory.set("connected", "no");
    $("settings").open = true;
    if (document.activeElement === document.body) $("connect").focus(); // what had the focus has gone
  }
  if (connected && [document.body, $("disconnect"), $("connect")].includes(focused)) $("message").focus();
  if (connected) {
    memory.set("connected", "yes");
    for (const id of ["url", "name", "token", "room"]) memory.set(id, $(id).value.trim());
    $("settings").open = false;
    $("connected-at").dateTime = connection.openedAt.toISOString();
    $("connected-at").textContent = `${connection.openedAt.toISOString().slice(0, 19).replace("T", " ")} UTC`;
    tick();
    joinRoom();
  }
}

let conversation = null; // with the room that was joined, as long as its field and the address stay the same

/** Join the room of the form, or join it again after the connection was lost; without a room there is nothing to join. */
function joinRoom() {
  const room = $("room").value.trim();
  if (!room) conversation = null;
  else if (conversation?.room !== room || conversation.url !== connection.url) {
    conversation = new Conversation(room);
    conversation.url = connection.url;
  }
  if (conversation) connection.send(conversation.join($("name").value.trim()));
  showRoom();
}

let askingAgain = null; // the timer after which the room's open question is asked once more

/** API Gateway refused a frame, too many at once or a function's failure: ask what waits for its answer once more. */
function askAgain() {
  const longest = askingAgain ? null : conversation?.refused();
  if (!longest) return;
  askingAgain = setTimeout(() => {
    askingAgain = null;
    if (conversation?.question && connection.state === "connected") connection.send(conversation.question);
  }, longest * (0.5 + Math.random() / 2) * 1000);
}

/** A frame of the room: its messages are shown in their order; who comes and goes is said. */
function receiveOfRoom(frame) {
  const me = $("name").value.trim();
  for (const message of inPlace(conversation.receive(frame), "before" in frame)) {
    if (log.arrived(message, message.sender === me) && document.hidden && frame.type === "message") unread += 1;
  }
  if (frame.type === "presence" && typeof frame.name === "string") log.say("notice", `${frame.name} ${frame.here ? "has come" : "has left"}`);
  const wish = conversation.wish();
  if (wish) connection.send(wish);
  showRoom();
}

/** Give each message a `moment` for the log, so that the log's order is the order of the numbers. */
function inPlace(messages, earlier) {
  const near = earlier ? conversation.from ?? Infinity : conversation.to ?? 0;
  if (earlier) {
    let next = near;
    for (const message of [...messages].reverse()) next = message.moment = Math.min(message.timestamp, next - 1);
    conversation.from = next;
  } else {
    let last = near;
    for (const message of messages) last = message.moment = Math.max(message.timestamp, last);
    conversation.to = last;
    conversation.from ??= messages[0]?.moment;
  }
  return messages;
}

function showRoom() {
  $("room-bar").hidden = !conversation;
  if (!conversation) return;
  $("room-name").textContent = conversation.room;
  const here = conversation.members;
  $("members").textContent = here.length ? `${here.length} here: ${shortened(here.join(", "), 200)}` : "";
  $("earlier").hidden = !conversation.earlier();
}

const isMessage = (frame) => typeof frame?.sender === "string" && typeof frame.message === "string";

/** Show a frame; one that is nothing known is shown as it came, as text. */
function receive(frame, text) {
  const said = typeof frame.message === "string" ? frame.message : text;
  if (conversation?.concerns(frame)) {
    receiveOfRoom(frame);
    document.title = unread ? `(${unread}) ${title}` : title;
    return;
  }
  const fromApiGateway = frame.type === undefined && "connectionId" in frame; // Forbidden and the like
  if (isMessage(frame)) {
    if (log.arrived(frame) && document.hidden) unread += 1;
  } else if (frame.type === "error" || fromApiGateway) {
    log.refused();
    const noRoute = fromApiGateway && said === "Forbidden";
    log.say("error", noRoute ? `Forbidden: this API has no route for that. ${NEW_LINK}` : said);
    if (fromApiGateway && !noRoute) askAgain();
  } else {
    log.say("notice", said);
  }
  document.title = unread ? `(${unread}) ${title}` : title;
}

/** Say what can be done when no connection comes about; the status says only that the page goes on trying. */
function unreachable() {
  log.say("notice", "No connection was made: nothing answers at this address, or it refuses, perhaps because a good token is missing. "
    + `Browsers do not tell a page which; the network view of the browser's developer tools shows it. ${NEW_LINK}`);
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
    if (!/^wss?:\/\/\S+$/.test(url)) throw new SyntaxError("a WebSocket URL begins with wss:// or ws://, and a host follows");
    const endS = $("auto-disconnect").checked ? Number($("auto-disconnect-s").value) : 0;
    connection.open(withToken(url, $("token").value.trim()), Number($("heartbeat").value), endS);
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
    connection.send({ action: "sendMessage", ...(conversation && { room: conversation.room }), sender, message: text });
  } catch (error) {
    log.say("error", error.message);
    return;
  }
  log.sending(sender, text);
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
$("earlier").addEventListener("click", () => {
  const wish = conversation?.earlier();
  if (wish) connection.send(wish);
});
$("name").addEventListener("change", rename);
$("token").addEventListener("change", useToken);
$("heartbeat").addEventListener("invalid", () => { $("advanced").open = true; }); // or nobody would see what is wrong
for (const id of ["name", ...SETTINGS]) {
  $(id).addEventListener("change", () => { if ($(id).validity.valid) memory.set(id, $(id).value.trim()); });
}
$("auto-disconnect").addEventListener("change", () => memory.set("auto-disconnect", $("auto-disconnect").checked ? "yes" : "no"));
window.addEventListener("online", () => connection.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  document.title = title;
});

function begin() {
  const query = new URLSearchParams(location.search);
  const remembered = memory.get("url");
  $("url").value = addressFor(query, location) || remembered || "";
  const name = query.get("name") || memory.get("name") || guest();
  $("name").value = name.slice(0, $("name").maxLength); // a link's, too
  $("token").value = memory.get("token") ?? "";
  $("room").value = query.get("room") || memory.get("room") || "";
  useToken();
  for (const id of SETTINGS) $(id).value = memory.get(id) || $(id).value;
  $("auto-disconnect").checked = memory.get("auto-disconnect") === "yes";
  setInterval(tick, 1000);
  // A link can fill in an address, but connected to unasked is only one chosen before.
  const chosen = remembered && $("url").value === remembered;
  if (chosen && memory.get("connected") === "yes") connect();
}

/** Give a name to whoever has none: the chat would use the connection id, and the page would not know its own messages. */
function rename() {
  $("name").value = $("name").value.trim() || guest();
  const address = new URL(location.href);
  if (!address.searchParams.has("name")) return;
  address.searchParams.set("name", $("name").value); // a reload reads the address again, and keeps the new name
  history.replaceState(null, "", address);
}

/** A token that names somebody fixes the name, because the chat believes the token and not the form. */
function useToken() {
  const name = nameIn($("token").value.trim());
  $("name").readOnly = Boolean(name);
  $("named").hidden = !name;
  if (name) $("name").value = name;
}

function guest() {
  return `guest-${Math.floor(1000 + Math.random() * 9000)}`;
}

begin();
