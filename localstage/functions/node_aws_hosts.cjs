// Leads TLS connections to AWS's hosts to localstage, in a Node.js function.
//
// boto3 honours HTTPS_PROXY by itself; Node.js does not, and the AWS SDK makes agents of its own. What all of
// them call in the end is tls.connect: https and every agent of it, fetch, http2, WebSocket clients. localstage's
// port knows TLS and the host that is named in it, so no CONNECT goes before: Node.js's own sockets then carry the
// connection, and a stream in JavaScript between TLS and the socket, which cost a third of a request, is not needed.

'use strict';

const tls = require('node:tls');
const { syncBuiltinESMExports } = require('node:module');

// As hosts.py has them.
const AWS_HOST = /(^|\.)(amazonaws\.com(\.cn)?|api\.aws|on\.aws|amazonaws\.eu|amazonwebservices\.com\.cn)\.?$/i;

function leadAwsHostsThrough(proxy) {
  if (!proxy) return;
  const { connect } = tls;
  const { hostname, port } = new URL(proxy);
  tls.connect = (...given) => {
    const [options, callback] = argumentsOf(given);
    if (options.socket || options.path || !AWS_HOST.test(options.host || '')) return connect(...given);
    const asked = options.port || 443;
    if (Number(asked) !== 443) {
      const sentence = `${options.host}:${asked} is AWS's; localstage answers for port 443 only.`;
      return new tls.TLSSocket().destroy(new Error(sentence));
    }
    return connect({ ...options, servername: options.servername || options.host, host: hostname, port }, callback);
  };
  syncBuiltinESMExports();
}

// tls.connect(options, callback), (port, host, options, callback), and each with some of these left out.
function argumentsOf(given) {
  const callback = given.find((one) => typeof one === 'function');
  const options = given.find((one) => one && typeof one === 'object') || {};
  const [port, host] = typeof given[0] === 'object' ? [] : given;
  const named = { ...(port === undefined ? {} : { port }), ...(typeof host === 'string' ? { host } : {}) };
  return [{ ...options, ...named }, callback];
}

module.exports = { leadAwsHostsThrough };
