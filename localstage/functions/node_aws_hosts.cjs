// Leads TLS connections to AWS's hosts through localstage's proxy, in a Node.js function.
//
// boto3 honours HTTPS_PROXY by itself; Node.js does not, and the AWS SDK makes agents of its own. What all of
// them call in the end is tls.connect: https and every agent of it, fetch, http2, WebSocket clients.

'use strict';

const net = require('node:net');
const tls = require('node:tls');
const { Duplex } = require('node:stream');
const { syncBuiltinESMExports } = require('node:module');

// As hosts.py has them.
const AWS_HOST = /(^|\.)(amazonaws\.com(\.cn)?|api\.aws|on\.aws|amazonaws\.eu|amazonwebservices\.com\.cn)\.?$/i;

function leadAwsHostsThrough(proxy) {
  if (!proxy) return;
  const { connect } = tls;
  tls.connect = (...given) => {
    const [options, callback] = argumentsOf(given);
    if (options.socket || options.path || !AWS_HOST.test(options.host || '')) return connect(...given);
    const tunnel = new Tunnel(new URL(proxy), options.host, options.port || 443);
    const socket = connect({ servername: options.host, ...options, socket: tunnel }, callback);
    return Object.assign(socket, {
      ref: () => (tunnel.below.ref(), socket),
      unref: () => (tunnel.below.unref(), socket),
    });
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

// A connection to a host behind an HTTP proxy: what is written waits until the proxy has answered CONNECT.
class Tunnel extends Duplex {
  constructor(proxy, host, port) {
    super();
    const user = proxy.username && Buffer.from(decodeURIComponent(`${proxy.username}:${proxy.password}`)).toString('base64');
    const authorization = user ? `Proxy-Authorization: Basic ${user}\r\n` : '';
    this.head = Buffer.alloc(0);
    this.open = false;
    this.below = net.connect(Number(proxy.port), proxy.hostname);
    this.below.setNoDelay(true);
    this.below.on('data', (piece) => this.receive(piece));
    this.below.on('end', () => (this.open ? this.push(null) : this.destroy(new Error('The proxy closed the connection.'))));
    this.below.on('error', (error) => this.destroy(error));
    this.below.on('close', () => this.destroy());
    this.below.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n${authorization}\r\n`);
  }

  receive(piece) {
    if (this.open) {
      if (!this.push(piece)) this.below.pause();
      return;
    }
    this.head = Buffer.concat([this.head, piece]);
    const end = this.head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const status = this.head.toString('latin1', 0, this.head.indexOf('\r\n'));
    if (!/^HTTP\/1\.\d 2/.test(status)) {
      this.destroy(new Error(`The proxy refused the connection: ${status}`));
      return;
    }
    this.open = true;
    this.emit('open');
    const rest = this.head.subarray(end + 4);
    if (rest.length) this.push(rest);
  }

  _read() {
    this.below.resume();
  }

  _write(piece, encoding, callback) {
    if (this.open) this.below.write(piece, callback);
    else this.once('open', () => this.below.write(piece, callback));
  }

  _final(callback) {
    this.below.end(callback);
  }

  _destroy(error, callback) {
    this.below.destroy();
    callback(error);
  }
}

module.exports = { leadAwsHostsThrough };
