// The lines on the screen. This file knows nothing of sockets.
// Text from the wire is only ever put into the page as textContent.
"use strict";

const LINES = 500; // most lines that are kept on the screen
const NAME_LENGTH = 80; // most characters of a sender's name that are shown
const TEXT_LENGTH = 2000; // most characters of a message that are shown unasked
const ID_LENGTH = 128; // a longer message id is not remembered

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

  /** Show a message that arrived, with its room if that is not `here`; false if there is nothing new in it. */
  arrived({ sender, message, timestamp, room, message_id: id }, here) {
    if (this.seen.has(id)) return false;
    this.#remember(id);
    const place = this.sent.findIndex((own) => own.sender === sender && own.text === message);
    const own = place >= 0 ? this.sent.splice(place, 1)[0].line : null;
    const line = own || this.#message(here && typeof room === "string" && room !== here ? `${sender} (${room})` : sender, message, false);
    line.classList.remove("pending");
    line.querySelector(".mark")?.remove();
    if (!own) this.#append(line);
    this.#date(line, timestamp);
    return !own;
  }

  /** Show earlier messages, as the server sent them; those of a sender of this name are taken for own. */
  history(frames, name) {
    for (const { sender, message, timestamp, message_id: id } of frames) {
      if (this.seen.has(id)) continue;
      this.#remember(id);
      const line = this.#message(sender, message, sender === name);
      this.#append(line);
      this.#date(line, timestamp);
    }
  }

  say(kind, text) {
    this.last = null;
    this.#append(element("li", kind, text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}…` : text));
  }

  clear() {
    this.list.replaceChildren();
    this.last = null;
    $("empty").hidden = false;
  }

  #remember(id) {
    if (typeof id === "string" && id.length <= ID_LENGTH) this.seen.add(id);
    if (this.seen.size > 20 * LINES) this.seen.delete(this.seen.values().next().value);
  }

  #message(from, text, own) {
    const sender = from.length > NAME_LENGTH ? `${from.slice(0, NAME_LENGTH)}…` : from;
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
    line.classList.toggle("follows", who === this.last);
    line.style.setProperty("--hue", hue(sender));
    this.last = who;
    line.append(...bubbleOf(text));
    return line;
  }

  /** Put the time under a line of the list; the line above, if stacked and of the same minute, then needs none. */
  #date(line, timestamp) {
    const time = clockTime(timestamp);
    line.append(time);
    const above = line.classList.contains("follows") && line.previousElementSibling?.querySelector("time");
    if (above && above.textContent === time.textContent) above.className = "hidden";
  }

  /** Add a line; who was reading the end goes on reading the end. Measured once a frame: it lays out the page. */
  #append(line) {
    this.atEnd ??= this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    this.scrolling ??= requestAnimationFrame(() => {
      if (this.atEnd) this.list.scrollTop = this.list.scrollHeight;
      this.atEnd = this.scrolling = undefined;
    });
    this.list.append(line);
    while (this.list.childElementCount > LINES) this.list.firstElementChild.remove();
    $("empty").hidden = true;
  }
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A text in its bubble; of a long one the beginning, and a button for the rest, or a crowd of them would stop the page. */
function bubbleOf(text) {
  const bubble = element("span", "text", text.slice(0, TEXT_LENGTH));
  bubble.dir = "auto";
  if (text.length <= TEXT_LENGTH) return [bubble];
  const more = element("button", "quiet more", `Show all ${text.length.toLocaleString()} characters`);
  more.type = "button";
  more.addEventListener("click", () => {
    bubble.textContent = text;
    bubble.tabIndex = -1; // where the focus goes when the button has gone
    bubble.focus();
    more.remove();
  });
  return [bubble, more];
}

/** The colour angle of a sender's name, 0 to 359: the same on every screen. */
function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360007;
  return sum % 360;
}

/** The time of day of a message's timestamp (microseconds since 1970); now, for what is no time. */
function clockTime(timestamp) {
  const moment = new Date(typeof timestamp === "number" ? timestamp / 1000 : NaN);
  const valid = Number.isNaN(moment.getTime()) ? new Date() : moment;
  const time = element("time", "", valid.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = valid.toISOString();
  return time;
}
