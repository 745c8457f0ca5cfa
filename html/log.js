// The lines on the screen, messages in the order of their timestamps. This file knows nothing of sockets, forms and addresses.
// Text from the wire is only ever put into the page as textContent.
"use strict";

const LINES = 500; // most lines that are kept on the screen
const NAME_LENGTH = 80; // most characters of a sender's name that are shown
const TEXT_LENGTH = 2000; // most characters of a message that are shown unasked
const LONG = 300; // characters, or eight lines: on a small screen such a text may get a scrollbar
const ID_LENGTH = 128; // a longer message id is not remembered
const PENDING_S = 10; // an own message that has not come back by then looks like any other: some chats send no copy

/** The lines on the screen. Each line has a `moment`, by which the lines are sorted; a message also has its `who`. */
class Log {
  /** The box that scrolls, with a list in it that takes the lines, and what is shown in their place while there are none. */
  constructor(box, empty) {
    this.box = box;
    this.list = box.querySelector("ol");
    this.empty = empty;
    this.seen = new Set(); // message ids: a repeated delivery is shown once
    this.sent = []; // own messages whose return is awaited
  }

  /** Show an own message at once; arrived() marks it when it comes back. */
  sending(sender, text) {
    const line = message(sender, text, "own");
    line.classList.add("pending");
    line.append(element("span", "mark", "sent"));
    this.sent.push({ sender, text, line });
    if (this.sent.length > LINES) this.sent.shift();
    this.#add(line);
    setTimeout(() => line.classList.remove("pending"), PENDING_S * 1000);
  }

  /** Mark the own message that has waited longest: most likely what was refused is this one. */
  refused() {
    const line = this.sent.find((own) => own.line.classList.contains("pending"))?.line;
    if (!line) return;
    line.classList.remove("pending");
    line.querySelector(".mark").textContent = "refused";
  }

  /** Show a message that arrived; false if there is nothing new in it. Its place is its `moment`, if it has one. */
  arrived({ sender, message: text, timestamp, message_id: id, moment: wanted = timestamp }, mine = false) {
    if (this.seen.has(id)) return false;
    this.#remember(id);
    const place = this.sent.findIndex((own) => own.sender === sender && own.text === text);
    const own = place >= 0 ? this.sent.splice(place, 1)[0].line : null;
    own?.classList.remove("pending");
    own?.querySelector(".mark").remove();
    const line = own ?? message(sender, text, mine ? "own" : "other");
    const moment = new Date(typeof timestamp === "number" ? timestamp / 1000 : NaN); // microseconds since 1970
    const dated = !Number.isNaN(moment.getTime());
    line.append(clockTime(dated ? moment : new Date()));
    if (!own) this.#add(line, dated ? wanted : undefined);
    else if (line.isConnected) this.#place(line, dated ? wanted : line.moment);
    return !own;
  }

  /** Show a line that nobody wrote. One that repeats the last line takes its place. */
  say(kind, text) {
    const line = element("li", kind, shortened(text, TEXT_LENGTH));
    const last = this.list.lastElementChild;
    if (last?.className === kind && last.textContent === line.textContent) last.remove();
    this.#add(line);
  }

  clear() {
    this.list.replaceChildren();
    this.empty.hidden = false;
  }

  #remember(id) {
    if (typeof id === "string" && id.length <= ID_LENGTH) this.seen.add(id);
    if (this.seen.size > 20 * LINES) this.seen.delete(this.seen.values().next().value);
  }

  /** Add a line, at the end if it has no moment of its own; who was reading the end goes on reading the end. */
  #add(line, moment = this.list.lastElementChild?.moment ?? 0) {
    // Measured once a frame, however many lines come: measuring makes the browser lay out the page.
    this.atEnd ??= this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 60;
    this.scrolling ??= requestAnimationFrame(() => {
      if (this.atEnd) this.box.scrollTop = this.box.scrollHeight;
      this.atEnd = this.scrolling = undefined;
    });
    this.#place(line, moment);
    if (this.list.childElementCount > LINES) {
      this.list.firstElementChild.remove();
      stack(this.list.firstElementChild); // which now shows its sender's name
    }
    this.empty.hidden = true;
  }

  /**
   * Put a line before the first one that is later.
   *
   * Each message is delivered by a function of its own, and functions that run side by side overtake each other: only
   * the timestamps are the same for everybody. Lines that are in their place are not touched, they would be read out again.
   */
  #place(line, moment) {
    line.moment = moment;
    let next = null;
    let at = this.list.lastElementChild;
    while (at && (at === line || at.moment > moment)) {
      if (at !== line) next = at;
      at = at.previousElementSibling;
    }
    const left = line.nextElementSibling;
    if (!line.isConnected || next !== left) this.list.insertBefore(line, next);
    for (const one of [line, line.nextElementSibling, left]) stack(one);
  }
}

/** Join a line to the one above if both are of one sender: one name above them and, of the same minute, one time below. */
function stack(line) {
  const above = line?.previousElementSibling;
  const follows = Boolean(above?.who) && above.who === line.who;
  line?.classList.toggle("follows", follows);
  const [first, second] = [above, line].map((one) => one?.querySelector("time"));
  first?.classList.toggle("hidden", follows && first.textContent === second?.textContent);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  if (text?.length > LONG || text?.split("\n", 9).length > 8) made.tabIndex = 0; // for those who scroll by keyboard
  return made;
}

/** A message's line; `kind` is own or other. */
function message(from, text, kind) {
  const sender = shortened(from, NAME_LENGTH);
  const line = element("li", kind);
  const label = element("span", "sender");
  label.append(element("bdi", "", sender));
  line.append(label, ...bubbleOf(text));
  line.style.setProperty("--hue", hue(sender));
  line.who = `${kind}:${sender}`;
  return line;
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

function shortened(text, length) {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** The colour angle of a sender's name, 0 to 359: the same on every screen. */
function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360007;
  return sum % 360;
}

/** A moment as the time of day. */
function clockTime(moment) {
  const time = element("time", "", moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = moment.toISOString();
  return time;
}
