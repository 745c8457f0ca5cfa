// What runs in the execution environment of a Node.js function: a client of Lambda's Runtime API.
//
// Started by path with the handler as its one argument. AWS's own client, aws-lambda-ric, is built by a C++
// compiler where it is installed, so this one is ours: plain Node.js, nothing beside it. What it imitates
// was read in aws-lambda-ric 3.3.0 (Node.js 22 and older) and 4.0.2 (from 24 on): the log's format, the errors'
// names and texts, which file a handler is in, when an invocation is over.

'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const util = require('node:util');
const { pathToFileURL } = require('node:url');
const { leadAwsHostsThrough } = require('./node_aws_hosts.cjs');

const RUNTIME_VERSION = Number((process.env.AWS_EXECUTION_ENV || '').replace(/^AWS_Lambda_nodejs|\.x$/g, ''));
const HAS_CALLBACKS = !(RUNTIME_VERSION >= 24);
const API = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/`);
const EXIT_OF_UNCAUGHT = 129;
const EXIT_OF_REJECTED = 128;
const EXIT_OF_UNSETTLED = HAS_CALLBACKS ? 13 : 0; // Node.js's own: AWS's older client awaits the module at its top level
const MAX_PAYLOAD = 6291556;

const { connect: dial } = net; // whatever the function makes of it

let requestId; // of the invocation that runs, or ran last; none during the init

// ---------------------------------------------------------------- the log

// A line end inside one log event is marked with a NUL (see environment_log.py).
function log(level, ...values) {
  const text = util.format(...values).replaceAll('\n', '\0\n');
  write(`${new Date().toISOString()}\t${requestId}\t${level}\t${text}\n`);
}

// At once and whole, whatever becomes of the process next.
function write(text) {
  for (let rest = Buffer.from(text); rest.length; ) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') return; // the function has closed it; AWS's client has a descriptor of its own for its log
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // the pipe is full
    }
  }
}

function patchConsole() {
  const levels = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...values) => log(level, ...values);
  }
}

function logError(what, thrown) {
  const error = thrown instanceof Error ? thrown : new Error(thrown);
  let text;
  try {
    text = JSON.stringify(error, (_, value) => (value instanceof Error ? described(value) : value));
  } catch {
    text = JSON.stringify(payloadOf(error));
  }
  log('ERROR', what, `\t${text}`);
}

function described(error) {
  const facts = { errorType: error.name, errorMessage: error.message, code: error.code, ...error };
  return typeof error.stack === 'string' ? { ...facts, stack: error.stack.split('\n') } : facts;
}

// ---------------------------------------------------------------- errors

function runtimeError(name, message, facts = {}) {
  const error = Object.assign(new Error(message), facts);
  Object.defineProperty(error, 'name', { value: `Runtime.${name}` });
  error.stack = error.stack.replace(/^Error/, error.name);
  return error;
}

// What the invocation's caller gets for anything that was thrown.
function payloadOf(thrown) {
  try {
    if (util.types.isNativeError(thrown) || (thrown && thrown.name && thrown.message && thrown.stack)) {
      return { errorType: thrown.name, errorMessage: thrown.message, trace: thrown.stack.split('\n') };
    }
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
}

// ---------------------------------------------------------------- the Runtime API

// A connection that answers one request after the other, and does not keep the process alive while it rests. Node.js's
// own HTTP client would take three times the processor time, and that for each invocation.
class Connection {
  constructor() {
    this.socket = dial(API.port, API.hostname).setNoDelay(true).unref();
    this.socket.on('data', (piece) => this.receive(piece));
    this.socket.on('error', (error) => this.close(error)).on('close', () => this.close());
    this.waiting = undefined;
    this.closed = false;
  }

  exchange(method, tail, value) {
    const body = Buffer.from(value ?? '');
    const about = value === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${memory()}`;
    const head = `${method} ${API.pathname}${tail} HTTP/1.1\r\nHost: ${API.host}\r\n${about}\r\n`;
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject, pieces: [], length: 0, answer: undefined };
      this.socket.ref().write(Buffer.concat([Buffer.from(head), body]));
    });
  }

  receive(piece) {
    const { waiting } = this;
    if (!waiting) return;
    waiting.pieces.push(piece);
    waiting.length += piece.length;
    waiting.answer ??= headOf(Buffer.concat(waiting.pieces));
    if (!waiting.answer || waiting.length < waiting.answer.size) return;
    this.waiting = undefined;
    this.socket.unref();
    waiting.resolve({ ...waiting.answer, body: Buffer.concat(waiting.pieces).subarray(waiting.answer.start) });
  }

  close(error = new Error('The Runtime API closed the connection.')) {
    this.closed = true;
    this.socket.destroy();
    this.waiting?.reject(error);
    this.waiting = undefined;
  }
}

let kept = new Connection();

async function exchange(method, tail, value) {
  if (!kept.closed) {
    try {
      return await kept.exchange(method, tail, value);
    } catch {
      // The server closes a connection that has rested for minutes, which a busy handler cannot notice.
    }
  }
  kept = new Connection();
  return kept.exchange(method, tail, value);
}

// What is known of an answer once its head is there. Every answer of the Runtime API has a Content-Length.
function headOf(received) {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first, ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const start = end + 4;
  return { status: Number(first.split(' ')[1]), headers, start, size: start + Number(headers['content-length'] || 0) };
}

// Ours: the peak memory, where localstage cannot see it itself.
function memory() {
  if (process.platform === 'linux') return '';
  return `Localstage-Max-Memory-Mb: ${Math.ceil(process.resourceUsage().maxRSS / 1024)}\r\n`;
}

async function next() {
  const answer = await exchange('GET', 'invocation/next').catch(() => ({ status: 0 }));
  if (answer.status !== 200) process.exit(1); // the environment has ended, or localstage has
  return answer;
}

const post = (kind, json) => exchange('POST', `invocation/${requestId}/${kind}`, json);

// ---------------------------------------------------------------- the handler

// AWS: FIDELITY section 9, a handler is FILE.FUNCTION; the file may be in a folder, the function in an object.
async function loadHandler(name, taskRoot) {
  if (name.includes('..')) {
    const rule = 'Use absolute paths when specifying root directories in handler names.';
    throw runtimeError('MalformedHandlerName', `'${name}' is not a valid handler name. ${rule}`);
  }
  const file = path.posix.basename(name);
  const folder = name.slice(0, name.indexOf(file));
  const [, module, member] = /^([^.]*)\.(.*)$/.exec(file) || [];
  if (member === undefined) throw runtimeError('MalformedHandlerName', 'Bad handler');
  const exported = await loadModule(path.resolve(taskRoot, folder, module), taskRoot);
  const handler = member.split('.').reduce((found, key) => found && found[key], exported);
  if (!handler) throw runtimeError('HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw runtimeError('HandlerNotFound', `${name} is not a function`);
  if (!HAS_CALLBACKS && handler.length >= 3) {
    throw runtimeError(
      'CallbackHandlerDeprecated',
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. ' +
        'You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more ' +
        'information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.'
    );
  }
  return handler;
}

// AWS: what a handler that streams its answer calls. Nothing here serves function URLs, which alone pass it on.
const streaming = {
  get streamifyResponse() {
    throw new Error('localstage does not stream responses: awslambda.streamifyResponse is for function URLs.');
  },
};

async function loadModule(place, taskRoot) {
  try {
    return await importOrRequire(place, taskRoot);
  } catch (error) {
    if (error instanceof SyntaxError) {
      const [where] = String(error.stack).split('\n');
      if (/:\d+$/.test(where)) write(`localstage: the syntax error is in ${where.replace('file://', '')}\n`); // AWS says no place
      throw runtimeError('UserCodeSyntaxError', String(error));
    }
    if (error && error.code === 'MODULE_NOT_FOUND') throw runtimeError('ImportModuleError', String(error));
    throw error;
  }
}

function importOrRequire(place, taskRoot) {
  const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile();
  const isModule = isFile(`${place}.js`) && typeOfPackage(path.dirname(place)) === 'module';
  if (isFile(place)) return require(place);
  if (isFile(`${place}.js`)) return isModule ? import(pathToFileURL(`${place}.js`)) : require(`${place}.js`);
  if (isFile(`${place}.mjs`)) return import(pathToFileURL(`${place}.mjs`));
  if (isFile(`${place}.cjs`)) return require(`${place}.cjs`);
  return require(require.resolve(path.basename(place), { paths: [taskRoot, path.dirname(place)] }));
}

// The "type" of the nearest package.json.
function typeOfPackage(folder) {
  if (path.basename(folder) === 'node_modules') return undefined;
  const file = path.join(folder, 'package.json');
  if (fs.existsSync(file)) {
    try {
      return JSON.parse(fs.readFileSync(file, 'utf8')).type;
    } catch (error) {
      console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return undefined;
    }
  }
  const above = path.dirname(folder);
  return above === folder ? undefined : typeOfPackage(above);
}

// Lambda's runtime has the SDK and Node.js has not: what to do stands in the log, before the error.
function sayWhatIsMissing(error) {
  const [, name] = /Cannot find (?:module|package) '(@(?:aws-sdk|smithy)\/[^'/]+)/.exec(String(error && error.message)) || [];
  if (name) {
    write(`localstage: ${name} comes with Lambda's runtime, not with Node.js: run localstage install node-sdk, or add it to the package.\n`);
  }
}

// ---------------------------------------------------------------- one invocation

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers['lambda-runtime-client-context'], 'ClientContext'),
    identity: parsed(headers['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function parsed(json, name) {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(json, 'latin1').toString()); // Node.js reads headers as Latin-1
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

// When nothing is left to do: a module's top-level await will never end, and later an invocation without an answer has its own.
let whenLoopIsEmpty = () => process.exit(EXIT_OF_UNSETTLED);

// Settles when the invocation is over: by its promise, its callback, the context's methods, or an empty loop.
function run(handler, event, facts) {
  return new Promise((resolve, reject) => {
    let over = false;
    let waits = true;
    whenLoopIsEmpty = () => resolve(null);
    const once = (settle) => (...values) => {
      if (over) return;
      over = true;
      whenLoopIsEmpty = () => {};
      settle(...values);
    };
    const isNothing = (value) => value === undefined || value === null;
    const done = (error, result) => (isNothing(error) ? resolve(result) : reject(error));
    const callback = once((error, result) => {
      if (isNothing(error) && waits) whenLoopIsEmpty = () => setImmediate(resolve, result);
      else done(error, result);
    });
    const context = {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = Boolean(value);
      },
      succeed: once((result) => done(null, result)),
      fail: once((error) => done(isNothing(error) ? 'handled' : error)),
      done: once(done),
    };
    try {
      const result = handler(event, Object.assign(context, facts), callback);
      if (result && typeof result.then === 'function') result.then(context.succeed, context.fail);
    } catch (error) {
      callback(error);
    }
  });
}

const outcomeOf = HAS_CALLBACKS ? run : async (handler, event, facts) => handler(event, facts);

function jsonOf(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? 'null';
  } catch {
    const message = 'Unable to stringify response body';
    throw HAS_CALLBACKS ? new Error(message) : runtimeError('JSONStringifyError', message);
  }
}

async function serve(handler) {
  for (;;) {
    const { headers, body } = await next();
    requestId = headers['lambda-runtime-aws-request-id'];
    process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    try {
      const json = jsonOf(await outcomeOf(handler, JSON.parse(body), contextOf(headers)));
      await post('response', json.slice(0, MAX_PAYLOAD + 1)); // of what is too large, as much as shows it
    } catch (error) {
      logError('Invoke Error', error);
      sayWhatIsMissing(error);
      await post('error', JSON.stringify(payloadOf(error)));
    }
    await new Promise(setImmediate);
  }
}

// ---------------------------------------------------------------- the process

// An error that nobody caught ends the environment, and is the answer to what it was doing.
async function end(what, error, status) {
  try {
    logError(what, error);
    sayWhatIsMissing(error);
    const tail = requestId === undefined ? 'init/error' : `invocation/${requestId}/error`;
    // The kept connection may be waiting for the next invocation.
    await new Connection().exchange('POST', tail, JSON.stringify(payloadOf(error)));
  } finally {
    process.exit(status); // whatever the function has made of JSON or net
  }
}

// Windows: localstage's end closes stdin. Elsewhere the shell that started this process looks after that (runtimes.py).
function endWithTheStage() {
  process.stdin.on('end', () => process.exit(1)).on('error', () => process.exit(1));
  process.stdin.resume();
  process.stdin.unref();
}

async function main(handler) {
  if (process.platform === 'win32') endWithTheStage();
  patchConsole();
  leadAwsHostsThrough(process.env.HTTPS_PROXY);
  process.on('uncaughtException', (error) => end('Uncaught Exception', error, EXIT_OF_UNCAUGHT));
  process.on('unhandledRejection', (reason, promise) => {
    const error = runtimeError('UnhandledPromiseRejection', String(reason), { reason, promise });
    end('Unhandled Promise Rejection', error, EXIT_OF_REJECTED);
  });
  process.on('beforeExit', () => whenLoopIsEmpty());
  globalThis.awslambda = streaming;
  const refuse = (error) => end(HAS_CALLBACKS ? 'Uncaught Exception' : 'Init Error', error, EXIT_OF_UNCAUGHT);
  const loaded = await loadHandler(handler, process.env.LAMBDA_TASK_ROOT).catch(refuse);
  whenLoopIsEmpty = () => {};
  await serve(loaded);
}

main(process.argv[2]);
