// The WebSocket URL that the page's own address asks for. Nothing here connects or remembers.
"use strict";

const LOCAL_PORT = "4580"; // where `localstage serve` listens unless told otherwise

/**
 * The URL for a query such as ?url=…, ?api=…&stage=…&port=… or ?api=…&stage=…&region=…; empty when it names none.
 *
 * `url` is the whole address. `api` needs a place: API Gateway if there is a `region`; otherwise a local stage on
 * `port`, through the Jupyter server that the page itself came from, or else on this machine.
 * @param {URLSearchParams} query
 * @param {Location|URL} page where the page was loaded from
 */
function addressFor(query, page) {
  const api = query.get("api");
  if (query.get("url") || !api) return query.get("url") || "";
  const stage = encodeURIComponent(query.get("stage") || "prod");
  const region = query.get("region");
  if (region) return `wss://${api}.execute-api.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/${stage}`;
  const port = query.get("port") || LOCAL_PORT;
  const base = jupyterBase(page.pathname);
  const place = base === null ? `ws://127.0.0.1:${port}` : `${page.protocol.replace("http", "ws")}//${page.host}${base}/proxy/${port}`;
  return `${place}/${encodeURIComponent(api)}/${stage}`;
}

/** The base URL of the Jupyter server behind which a page was loaded through jupyter-server-proxy; null if it was not. */
function jupyterBase(path) {
  const found = /^(.*?)\/proxy\/(?:absolute\/)?\d+\//.exec(path);
  return found && found[1];
}
