// What this page knows of one room: every message once, in the room's order, however often the line is cut.
//
// The messages of a room are numbered 1, 2, 3 without a gap, so the page sees by itself what it has missed. This file
// knows nothing of sockets and of the screen. It does what classroom/panel/conversation.py does in the notebooks.
"use strict";

const KINDS = ["joined", "history", "message", "presence", "members"];
const EARLY = 1000; // most messages that are kept until a gap before them is closed
const ASK_AGAIN = 5; // so many times in a row: what is refused for longer is no crowd of a moment

class Conversation {
  constructor(room) {
    this.room = room;
    this.last = null; // the newest message that has been shown, and all before it; null until the first history
    this.first = null; // the oldest one that has been shown
    this.members = [];
    this.early = new Map();
    this.question = null; // what was asked and is not answered yet; the answer is a history
    this.refusals = 0; // so many since the last answer
  }

  /** Whether a frame is one of this room's. */
  concerns(frame) {
    return frame.room === this.room && KINDS.includes(frame.type);
  }

  /** The frame that joins the room, or joins it again and asks for what was missed. */
  join(name) {
    this.behind = false;
    this.refusals = 0;
    const frame = { action: "joinRoom", room: this.room, name };
    return this.question = this.last === null ? frame : { ...frame, after: this.last };
  }

  /** Take a frame of this room; return the messages that can be shown now, in order. */
  receive(frame) {
    if (frame.type === "joined" || frame.type === "members") this.members = names(frame.members);
    if (frame.type === "presence") {
      const others = this.members.filter((name) => name !== frame.name);
      this.members = names(frame.here ? [...others, frame.name] : others);
    }
    if (frame.type === "history") return this.#history(frame, (frame.messages ?? []).filter(numbered));
    if (frame.type !== "message" || !numbered(frame)) return [];
    if (this.early.size < EARLY) this.early.set(frame.number, frame);
    return this.#inOrder();
  }

  /** What to send now: a question for the messages that are missing, or null. */
  wish() {
    if (this.question || this.last === null || !(this.early.size || this.behind)) return null;
    return this.question = { action: "readHistory", room: this.room, after: this.last };
  }

  /** API Gateway refused a frame: it may have been the question. The longest wait in seconds before it is asked again, or null. */
  refused() {
    if (!this.question || this.refusals === ASK_AGAIN) return null;
    return 2 ** this.refusals++;
  }

  /** The question for what was said before the oldest message shown; null where there is nothing before it. */
  earlier() {
    return this.first > 1 ? { action: "readHistory", room: this.room, before: this.first } : null;
  }

  #history(frame, messages) {
    if ("before" in frame) {
      const older = messages.filter((message) => message.number < this.first);
      this.first = older[0]?.number ?? (messages.length ? this.first : 1);
      return older;
    }
    if (this.last === null) {
      this.first = messages[0]?.number ?? 1;
      this.last = this.first - 1;
    } else if (messages.length && frame.after <= this.last) {
      this.last = Math.max(this.last, messages[0].number - 1); // what lies between has expired: it never comes
    }
    for (const message of messages) this.early.set(message.number, message);
    this.question = null;
    this.refusals = 0;
    this.behind = "after" in frame && Boolean(frame.more);
    return this.#inOrder();
  }

  #inOrder() {
    const shown = [];
    if (this.last === null) return shown;
    while (this.early.has(this.last + 1)) {
      this.last += 1;
      shown.push(this.early.get(this.last));
    }
    for (const number of this.early.keys()) if (number <= this.last) this.early.delete(number);
    return shown;
  }
}

function numbered(frame) {
  return Number.isSafeInteger(frame?.number) && Number.isSafeInteger(frame.timestamp) && typeof frame.sender === "string" && typeof frame.message === "string";
}

function names(given) {
  return Array.isArray(given) ? [...new Set(given.filter((name) => typeof name === "string"))].sort() : [];
}
