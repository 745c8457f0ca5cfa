// The WebSocket URL that the page's own address asks for, and what a token adds to it. Nothing here connects or remembers.
"use strict";

const LOCAL_PORT = "4580"; // where `localstage serve` listens unless told otherwise
const PARTS = { // what each part may look like; another one counts as missing
  api: /^[\w-]{1,64}$/, stage: /^[\w$-]{1,128}$/, region: /^[a-z0-9-]{1,32}$/, port: /^\d{1,5}$/,
};

/**
 * The URL for a query such as ?url=…, ?api=…&stage=…&port=… or ?api=…&stage=…&region=…; empty when it names none.
 *
 * `url` is the whole address. `api` needs a place: API Gateway if there is a `region`; the localstage that served
 * this page, if one did; otherwise a localstage on `port`, through the Jupyter server that the page itself came
 * from, or else on this machine.
 * @param {URLSearchParams} query
 * @param {Location|URL} page where the page was loaded from
 */
function addressFor(query, page) {
  if (query.get("url")) return query.get("url");
  const valid = [...query].filter(([name, value]) => PARTS[name]?.test(value));
  const { api, stage = "prod", region, port } = Object.fromEntries(valid);
  if (!api) return "";
  if (region) return `wss://${api}.execute-api.${region}.${awsDomain(region)}/${stage}`;
  const own = `${page.protocol.replace("http", "ws")}//${page.host}`;
  const served = /^(.*?)\/_localstage\/pages\//.exec(page.pathname); // behind a proxy, too
  if (served && !port) return `${own}${served[1]}/${api}/${stage}`;
  const base = jupyterBase(page.pathname);
  const place = base === null ? "ws://127.0.0.1:" : `${own}${base}/proxy/`;
  return `${place}${port ?? LOCAL_PORT}/${api}/${stage}`;
}

function awsDomain(region) {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

/** The base URL of the Jupyter server behind which a page was loaded through jupyter-server-proxy; null if it was not. */
function jupyterBase(path) {
  const found = /^(.*?)\/proxy\/(?:absolute\/)?\d+\//.exec(path);
  return found && found[1];
}

/** The URL with a token in its query string, where an authorizer looks for it: a browser's handshake has no header of ours. */
function withToken(url, token) {
  if (!token) return url;
  const address = new URL(url);
  address.searchParams.set("token", token);
  return address.href;
}

/** The person whom a token names, or "". A token (a JWT) is signed and not encrypted: its second part can be read by anybody. */
function nameIn(token) {
  try {
    const letters = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    const { sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(letters, (letter) => letter.charCodeAt(0))));
    return typeof sub === "string" ? sub.trim() : "";
  } catch {
    return ""; // a token of another kind, which the authorizer may understand all the same
  }
}
