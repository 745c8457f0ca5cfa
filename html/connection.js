// One WebSocket that is kept open. This file knows nothing of the page and of chats: only the heartbeat's frames.
"use strict";

const FRAME_LIMIT = 32 * 1024; // bytes: API Gateway closes a connection that sends a longer frame
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 30;
const STEADY_S = 5; // a connection that lasted so long makes the next wait short again
const PATIENCE = 3; // so many attempts in a row may fail after a connection was lost before the person is told more

/** A WebSocket that comes back. Calls on.state(state, text), on.frame(frame, text), on.note(text) and on.unreachable(). */
class Connection {
  constructor(on) {
    this.on = on;
    this.state = "offline"; // offline, connecting, connected, waiting (for the next attempt)
    this.attempts = 0;
  }

  open(url, heartbeatS, autoDisconnectS) {
    Object.assign(this, { url, heartbeatS, autoDisconnectS, attempts: 0, failures: 0, openedAt: null });
    this.#attempt();
  }

  /** Close for good: no further attempt follows. */
  close(why) {
    this.#release();
    this.#enter("offline", why);
  }

  send(value) {
    this.#put(value);
    this.beatsDue = 0; // what comes next may answer this and not a heartbeat
  }

  #put(value) {
    const text = JSON.stringify(value);
    const size = new TextEncoder().encode(text).length;
    if (size > FRAME_LIMIT) throw new RangeError(`This is ${size} bytes long; at most ${FRAME_LIMIT} can be sent at once.`);
    this.socket.send(text);
  }

  /** Attempt now instead of at the end of the wait. */
  hurry() {
    if (this.state === "waiting") this.#attempt();
  }

  #attempt() {
    this.#release();
    const socket = new WebSocket(this.url); // throws SyntaxError for what is none
    this.socket = socket;
    this.wasOpen = false;
    this.#enter("connecting", this.attempts ? "Connecting again…" : "Connecting…");
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
  }

  #opened() {
    this.openedAt = new Date();
    this.wasOpen = true;
    this.answered = false; // whether this API answers heartbeats
    this.beatsDue = 0; // heartbeats that wait for their answer
    this.failures = 0;
    this.beating = setInterval(() => this.#beat(), this.heartbeatS * 1000);
    this.steady = setTimeout(() => { this.attempts = 0; }, STEADY_S * 1000);
    if (this.autoDisconnectS) {
      const end = () => this.close(`Disconnected after ${this.autoDisconnectS} s, as set`);
      this.ending = setTimeout(end, this.autoDisconnectS * 1000);
    }
    this.#enter("connected", "Connected");
  }

  /** A heartbeat is a message: API Gateway closes what was silent for ten minutes (FIDELITY, row 5.3). */
  #beat() {
    if (this.beatsDue && this.answered) {
      this.#lost(0, "no answer to the heartbeat");
      return;
    }
    this.#put({ action: "ping" });
    this.beatsDue += 1;
  }

  #received(text) {
    const frame = parsed(text);
    if (frame.type === "pong") {
      this.beatsDue = 0;
      this.answered = true;
    } else if (this.beatsDue && !this.answered && isNoPingRoute(frame)) {
      this.beatsDue -= 1;
      if (!this.noted) this.on.note("This API has no route named ping. Heartbeats keep the connection open all the same.");
      this.noted = true;
    } else {
      this.on.frame(frame, text);
    }
  }

  #lost(code, reason) {
    this.#release();
    const longest = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** this.attempts);
    const waitS = longest * (0.5 + Math.random() / 2); // jitter
    this.attempts += 1;
    this.waiting = setTimeout(() => this.#attempt(), waitS * 1000);
    this.failures += this.wasOpen ? 0 : 1;
    if (this.failures === (this.openedAt ? PATIENCE : 1)) this.on.unreachable();
    const cause = [code === 1006 || !code ? "" : code, reason].filter(Boolean).join(" ");
    const what = (this.wasOpen ? "Connection lost" : "No connection") + (cause && ` (${cause})`);
    this.#enter("waiting", `${what}. Trying again in ${Math.ceil(waitS)} s`);
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
  return { message: typeof text === "string" ? text : "(not text)" };
}

/** What an API without the route ping answers: API Gateway's own frame, or the default function's. */
function isNoPingRoute(frame) {
  return frame.type === "usage" || (frame.message === "Forbidden" && "connectionId" in frame);
}
