var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __commonJS = (cb, mod) => function __require() {
  try {
    return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
  } catch (e) {
    throw mod = 0, e;
  }
};
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// small-aws.js
var require_small_aws = __commonJS({
  "small-aws.js"(exports2) {
    "use strict";
    var { createHash, createHmac } = require("node:crypto");
    var https = require("node:https");
    var hash = (text) => createHash("sha256").update(text).digest("hex");
    var keyed = (key, text) => createHmac("sha256", key).update(text).digest();
    var agent = new https.Agent({ keepAlive: true });
    function signed({ service, host, path, headers, body }) {
      const { AWS_REGION: region, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = process.env;
      const time = (/* @__PURE__ */ new Date()).toISOString().replace(/[-:]|\.\d+/g, "");
      const all = { ...headers, host, "x-amz-date": time, ...token ? { "x-amz-security-token": token } : {} };
      const names = Object.keys(all).sort();
      const [place, query = ""] = path.split("?");
      const asked = [
        "POST",
        place.split("/").map(encodeURIComponent).join("/"),
        query,
        ...names.map((name) => `${name}:${all[name]}`),
        "",
        names.join(";"),
        hash(body)
      ].join("\n");
      const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
      const key = [time.slice(0, 8), region, service, "aws4_request"].reduce(keyed, `AWS4${secret}`);
      const signature = keyed(key, ["AWS4-HMAC-SHA256", time, scope, hash(asked)].join("\n")).toString("hex");
      const authorization = `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
      return { ...all, authorization };
    }
    exports2.call = function call({ service, host, path = "/", headers = {}, body }) {
      const options = { host, path, method: "POST", agent, headers: signed({ service, host, path, headers, body }) };
      return new Promise((resolve, reject) => {
        const request = https.request(options, (response) => {
          let text = "";
          response.on("data", (piece) => text += piece);
          response.on("end", () => {
            if (response.statusCode < 300) return resolve(text && JSON.parse(text));
            reject(Object.assign(new Error(text), { name: "AwsError", statusCode: response.statusCode }));
          });
        });
        request.on("error", reject).end(body);
      });
    };
    exports2.dynamodb = (operation, input) => exports2.call({
      service: "dynamodb",
      host: `dynamodb.${process.env.AWS_REGION}.amazonaws.com`,
      headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `DynamoDB_20120810.${operation}` },
      body: JSON.stringify(input)
    });
    exports2.post = ({ domainName, stage }, connectionId, body) => exports2.call({
      service: "execute-api",
      host: domainName,
      path: `/${stage}/@connections/${encodeURIComponent(connectionId)}`,
      body
    });
  }
});

// chat.ts
var chat_exports = {};
__export(chat_exports, {
  connect: () => connect,
  disconnect: () => disconnect,
  send: () => send
});
module.exports = __toCommonJS(chat_exports);
var import_small_aws = __toESM(require_small_aws());
var TableName = process.env.TABLE;
var connect = async ({ requestContext }) => {
  await (0, import_small_aws.dynamodb)("PutItem", { TableName, Item: { connectionId: { S: requestContext.connectionId } } });
  return { statusCode: 200 };
};
var disconnect = async ({ requestContext }) => {
  await (0, import_small_aws.dynamodb)("DeleteItem", { TableName, Key: { connectionId: { S: requestContext.connectionId } } });
  return { statusCode: 200 };
};
var send = async ({ body, requestContext }) => {
  const { text } = JSON.parse(body ?? "{}");
  const { Items } = await (0, import_small_aws.dynamodb)("Scan", { TableName });
  await Promise.all(Items.map((row) => (0, import_small_aws.post)(requestContext, row.connectionId.S, text)));
  return { statusCode: 200 };
};
// Annotate the CommonJS export names for ESM import in node:
0 && (module.exports = {
  connect,
  disconnect,
  send
});
