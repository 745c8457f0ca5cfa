// A browser that is pretended: as much of a page, a clock and a WebSocket as the page of lesson 6 needs.
// It runs in a JavaScript engine without any of them. classroom/my_chat/page_trial.py moves it from outside.
"use strict";

const world = { now: 1795275417000, timers: [], sockets: [], chance: 0.5, said: [], loadedAgain: false, count: 0 };

class EventTarget {
  #listeners = {};
  addEventListener(kind, listener) { (this.#listeners[kind] ??= []).push(listener); }
  removeEventListener(kind, listener) { this.#listeners[kind] = (this.#listeners[kind] ?? []).filter((one) => one !== listener); }
  fire(kind, values = {}) {
    const event = { type: kind, target: this, currentTarget: this, defaultPrevented: false, stopPropagation() {},
      preventDefault() { this.defaultPrevented = true; }, ...values };
    if (this[`on${kind}`]?.(event) === false) event.defaultPrevented = true;
    for (const listener of this.#listeners[kind] ?? []) listener.handleEvent ? listener.handleEvent(event) : listener(event);
    return event;
  }
}

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// What an element holds: other elements, texts { text }, and { markup }, which was parsed and is kept as it was written.
class Element extends EventTarget {
  constructor(tag) {
    super();
    Object.assign(this, { tag, parent: null, parts: [], attributes: {}, value: "", checked: false, disabled: false, hidden: false });
    Object.assign(this, { className: "", style: {}, dataset: {}, scrollTop: 0, scrollHeight: 0, clientHeight: 0 });
    this.classList = { add() {}, remove() {}, toggle() {}, contains: () => false };
  }
  get tagName() { return this.tag.toUpperCase(); }
  get id() { return this.attributes.id ?? ""; }
  set id(id) { this.attributes.id = id; }
  get name() { return this.attributes.name ?? ""; }
  get type() { return this.attributes.type ?? ""; }
  get form() { for (let at = this.parent; at; at = at.parent) if (at.tag === "form") return at; return null; }
  get children() { return this.parts.filter((part) => part instanceof Element); }
  get childElementCount() { return this.parts.length; }
  get firstElementChild() { return this.children[0] ?? null; }
  get lastElementChild() { return this.children.at(-1) ?? null; }
  get elements() { return Object.assign(this.all().filter((one) => ["input", "textarea", "button", "select"].includes(one.tag)),
    Object.fromEntries(this.all().flatMap((one) => [[one.id, one], [one.name, one]]).filter(([key]) => key))); }
  get isConnected() { for (let at = this; at; at = at.parent) if (at === document.body) return true; return false; }
  get textContent() { return this.parts.map((part) => part.textContent ?? part.text ?? part.markup).join(""); }
  set textContent(text) { this.parts = [{ text: String(text ?? "") }]; }
  get innerText() { return this.textContent; }
  set innerText(text) { this.textContent = text; }
  get innerHTML() { return this.parts.map(written).join(""); }
  set innerHTML(markup) { this.parts = [{ markup: String(markup) }]; }
  get outerHTML() { return written(this); }
  insertAdjacentHTML(place, markup) { this.#add([{ markup: String(markup) }], place === "afterbegin"); }
  insertAdjacentText(place, text) { this.#add([{ text: String(text) }], place === "afterbegin"); }
  insertAdjacentElement(place, element) { this.#add([element], place === "afterbegin"); return element; }
  append(...things) { this.#add(things); }
  prepend(...things) { this.#add(things, true); }
  appendChild(thing) { this.#add([thing]); return thing; }
  insertBefore(thing, before) { this.#add([thing], false, before); return thing; }
  replaceChildren(...things) { this.parts = []; this.#add(things); }
  remove() { if (this.parent) this.parent.parts = this.parent.parts.filter((part) => part !== this); this.parent = null; }
  removeChild(child) { child.remove(); return child; }
  setAttribute(key, value) { this.attributes[key] = String(value); }
  getAttribute(key) { return this.attributes[key] ?? null; }
  all() { return this.children.flatMap((child) => [child, ...child.all()]); }
  querySelectorAll(selector) { return this.all().filter((one) => selector.split(",").some((part) => fits(one, part.trim()))); }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
  closest(selector) { for (let at = this; at; at = at.parent) if (fits(at, selector)) return at; return null; }
  focus() { document.activeElement = this; }
  blur() {}
  select() {}
  scrollIntoView() {}
  scrollTo() {}
  reset() { for (const one of this.all()) one.value = one.attributes.value ?? ""; }
  requestSubmit() { world.submit(this); }
  click() { world.click(this); }
  #add(things, first = false, before = null) {
    const made = things.map((thing) => (thing instanceof Element || thing?.text !== undefined || thing?.markup !== undefined ? thing : { text: String(thing) }));
    for (const one of made) if (one instanceof Element) { one.remove(); one.parent = this; }
    const place = first ? 0 : this.parts.indexOf(before) >= 0 ? this.parts.indexOf(before) : this.parts.length;
    this.parts.splice(place, 0, ...made);
  }
}

/** The last word of a selector: enough for the pages of beginners. */
function fits(one, selector) {
  const word = selector.split(/[\s>]+/).at(-1);
  const [, tag, id, name] = /^([a-z0-9]*)(?:#([\w-]+))?(?:\[name=["']?([\w-]+)["']?\])?/i.exec(word);
  return Boolean(tag || id || name) && (!tag || one.tag === tag) && (!id || one.id === id) && (!name || one.name === name);
}

/** A part as markup. What the page's own code or file made is marked, so that strangers' elements can be told apart. */
function written(part) {
  if (part.markup !== undefined) return part.markup;
  if (part.text !== undefined) return part.original ? "" : escaped(part.text);
  return `<${part.tag} data-own>${part.parts.map(written).join("")}</${part.tag}>`;
}

class WebSocket extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
  constructor(url) {
    super();
    if (typeof url !== "string" || !url || url === "null" || url === "undefined") throw new SyntaxError(`The URL '${url}' is invalid.`);
    Object.assign(this, { url, readyState: 0, sent: [], CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3, at: world.now });
    world.sockets.push(this);
  }
  send(text) {
    if (this.readyState === 0) throw new Error("InvalidStateError: the WebSocket is still connecting.");
    if (this.readyState === 1) this.sent.push(String(text));
  }
  close(code = 1000) { if (this.readyState < 2) { this.readyState = 3; world.timers.push({ id: 0, at: world.now, run: () => this.fire("close", { code, reason: "", wasClean: true }) }); } }
}

class URLSearchParams {
  #pairs;
  constructor(query = "") { this.#pairs = String(query).replace(/^\?/, "").split("&").filter(Boolean).map((pair) => pair.split("=").map((word) => decodeURIComponent(word.replaceAll("+", " ")))); }
  get(key) { return this.#pairs.find(([one]) => one === key)?.[1] ?? null; }
  has(key) { return this.get(key) !== null; }
}

class URL {
  constructor(text) { this.href = String(text); this.searchParams = new URLSearchParams(this.href.split("?")[1] ?? ""); }
}

const timer = (every) => (run, ms = 0, ...values) => {
  world.count += 1;
  const waits = Math.max(0, Number(ms) || 0);
  world.timers.push({ id: world.count, at: world.now + waits, every: every ? Math.max(1, waits) : 0, run: () => run(...values) });
  return world.count;
};
const forget = (id) => { world.timers = world.timers.filter((one) => one.id !== id || !id); };
const kept = () => { const all = {}; return { getItem: (key) => all[key] ?? null, setItem(key, value) { all[key] = String(value); }, removeItem(key) { delete all[key]; } }; };
const say = (...words) => { world.said.push(words.map(String).join(" ")); };

const document = new Element("document");
Object.assign(globalThis, {
  window: globalThis, self: globalThis, document, setTimeout: timer(false), setInterval: timer(true), clearTimeout: forget,
  clearInterval: forget, requestAnimationFrame: (run) => globalThis.setTimeout(() => run(world.now - 1795275417000), 16), alert: say, confirm: () => true,
  console: { log: say, info: say, warn: say, error: say, debug: say }, localStorage: kept(), sessionStorage: kept(),
  crypto: { randomUUID: () => `id-${(world.count += 1)}` }, performance: { now: () => world.now - 1795275417000 }, navigator: { onLine: true },
});
const onWindow = new EventTarget();
globalThis.addEventListener = (kind, listener) => onWindow.addEventListener(kind, listener);
Math.random = () => world.chance;
globalThis.Date = class extends Date {
  constructor(...values) { if (values.length) super(...values); else super(world.now); }
  static now() { return world.now; }
};
document.createElement = (tag) => new Element(String(tag).toLowerCase());
document.createTextNode = (text) => ({ text: String(text) });
document.getElementById = (id) => document.all().find((one) => one.id === id) ?? null;
document.write = (markup) => document.body.insertAdjacentHTML("beforeend", markup);

// How page_trial.py moves the world.

world.load = (tree, search, name) => {
  globalThis.location = { search, href: `http://127.0.0.1:4580/_localstage/pages/my_chat/page.html${search}`, protocol: "http:", host: "127.0.0.1:4580", hostname: "127.0.0.1", origin: "http://127.0.0.1:4580", pathname: "/_localstage/pages/my_chat/page.html", reload() { world.loadedAgain = true; } };
  globalThis.prompt = () => name;
  const made = (part) => {
    if (typeof part === "string") return { text: part, original: true };
    const element = new Element(part.tag);
    element.attributes = part.attributes;
    element.value = part.attributes.value ?? "";
    element.parts = part.parts.map(made);
    for (const child of element.children) child.parent = element;
    for (const [key, code] of Object.entries(part.attributes)) if (key.startsWith("on")) element[key] = new Function("event", code);
    return element;
  };
  document.parts = [made(tree)];
  document.body = document.querySelector("body") ?? document.parts[0];
  document.documentElement = document.parts[0];
  for (const one of document.all()) if (one.id && !(one.id in globalThis)) globalThis[one.id] = one;
};
world.loaded = () => { document.fire("DOMContentLoaded"); onWindow.fire("load"); globalThis.onload?.({}); };
world.socket = () => world.sockets.at(-1);
world.open = () => { world.socket().readyState = 1; world.socket().fire("open"); };
world.receive = (text) => world.socket().fire("message", { data: text });
world.lose = (code, reason) => {
  const socket = world.socket();
  socket.readyState = 3;
  if (code === 1006) socket.fire("error");
  socket.fire("close", { code, reason, wasClean: code !== 1006 });
};
world.submit = (form) => { if (!form.fire("submit").defaultPrevented) world.loadedAgain = true; };
world.click = (button) => { if (!button.fire("click").defaultPrevented && button.form && button.type !== "button") world.submit(button.form); };
world.field = () => document.all().filter(
  (one) => (one.tag === "input" && ["", "text", "search"].includes(one.type)) || one.tag === "textarea").at(-1);
world.type = (text) => {
  const field = world.field();
  if (!field) return "no field";
  field.value = text;
  field.fire("input");
  const pressed = field.fire("keydown", { key: "Enter", code: "Enter" });
  field.fire("keypress", { key: "Enter" });
  if (field.form && !pressed.defaultPrevented && field.tag === "input") world.submit(field.form);
  field.fire("keyup", { key: "Enter", code: "Enter" });
  if (!field.form) for (const button of document.all().filter((one) => one.tag === "button")) world.click(button);
  return "";
};
world.wait = (ms) => {
  const end = world.now + ms;
  for (;;) {
    const next = world.timers.filter((one) => one.at <= end).sort((one, other) => one.at - other.at)[0];
    if (!next) break;
    world.now = Math.max(world.now, next.at);
    if (next.every) next.at += next.every; else world.timers.splice(world.timers.indexOf(next), 1);
    try { next.run(); } catch (error) { world.said.push(String(error)); } // as in a browser, where the page goes on
  }
  world.now = end;
};
world.sent = () => world.sockets.flatMap((socket) => socket.sent);
