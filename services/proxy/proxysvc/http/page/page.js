"use strict";

const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
};

/** What a reference of the document leads to. */
const follow = (spec, node) => {
  let found = node;
  while (found && found.$ref) {
    found = found.$ref.slice(2).split("/").reduce((at, step) => at[step], spec);
  }
  return found || {};
};

/** A value of a schema's shape, to start a request from. */
const sample = (spec, schema, seen = []) => {
  const shape = follow(spec, schema);
  if (seen.includes(shape) || seen.length > 6) return null;
  const inside = [...seen, shape];
  if ("default" in shape) return shape.default;
  if (shape.enum) return shape.enum[0];
  if ("const" in shape) return shape.const;
  const parts = shape.anyOf || shape.oneOf;
  if (parts) return sample(spec, parts.find((one) => one.type !== "null") || parts[0], inside);
  const type = Array.isArray(shape.type) ? shape.type.find((one) => one !== "null") : shape.type;
  if (type === "array") return shape.items ? [sample(spec, shape.items, inside)] : [];
  if (type === "object" || shape.properties) {
    const needed = new Set(shape.required || Object.keys(shape.properties || {}));
    return Object.fromEntries(
      Object.entries(shape.properties || {})
        .filter(([name]) => needed.has(name))
        .map(([name, one]) => [name, sample(spec, one, inside)]),
    );
  }
  return { integer: 0, number: 0, boolean: false, string: "" }[type] ?? null;
};

const pretty = (value) => JSON.stringify(value, null, 2);

const bodyOf = (node) => node && node.content && node.content["application/json"];

const credentials = () => {
  const key = document.getElementById("key").value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
};

/** Inputs for the parameters of an operation, and where they go in its address. */
const parameters = (spec, operation, into) => {
  const inputs = [];
  const rows = make("table");
  for (const given of operation.parameters || []) {
    const one = follow(spec, given);
    if (one.in !== "path" && one.in !== "query") continue;
    const input = make("input");
    input.setAttribute("aria-label", one.name);
    inputs.push({ one, input });
    const name = make("td", "", make("code", one.name));
    const about = make("td", `${one.in}${one.required ? ", required" : ""} ${one.description || ""}`);
    rows.append(make("tr", "", name, make("td", "", input), about));
  }
  if (inputs.length) into.append(make("h3", "Parameters"), rows);
  return (path) => {
    let address = path;
    const query = new URLSearchParams();
    for (const { one, input } of inputs) {
      if (one.in === "path") address = address.replace(`{${one.name}}`, encodeURIComponent(input.value));
      else if (input.value) query.set(one.name, input.value);
    }
    return address.slice(1) + (query.size ? `?${query}` : "");
  };
};

const responses = (spec, operation) => {
  const rows = make("table");
  for (const [status, given] of Object.entries(operation.responses)) {
    const answer = follow(spec, given);
    const body = bodyOf(answer);
    const shape = body && status.startsWith("2") ? make("pre", pretty(sample(spec, body.schema))) : "";
    rows.append(make("tr", "", make("td", status), make("td", answer.description || "", shape)));
  }
  return rows;
};

const send = async (method, address, body, shown) => {
  shown.textContent = "…";
  try {
    const headers = { Accept: "application/json", ...credentials() };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(address, { method, headers, body: body || undefined });
    const text = await answer.text();
    let readable = text;
    try {
      readable = pretty(JSON.parse(text));
    } catch {
      // not JSON: shown as it came
    }
    shown.textContent = `${answer.status} ${answer.headers.get("x-request-id") || ""}\n${readable}`;
  } catch (error) {
    shown.textContent = String(error);
  }
};

const draw = (spec, path, method, operation) => {
  const inside = make("div");
  const about = operation.description || "";
  if (about && about !== operation.summary) inside.append(make("p", about));
  const address = parameters(spec, operation, inside);
  const schema = bodyOf(follow(spec, operation.requestBody));
  const text = make("textarea");
  if (schema) {
    text.value = pretty(sample(spec, schema.schema));
    text.setAttribute("aria-label", "body");
    inside.append(make("h3", "Body"), text);
  }
  const shown = make("pre");
  shown.hidden = true;
  const button = make("button", "Send");
  button.addEventListener("click", () => {
    shown.hidden = false;
    send(method.toUpperCase(), address(path), schema ? text.value : "", shown);
  });
  inside.append(make("p", "", button), shown, make("h3", "Answers"), responses(spec, operation));
  const name = make("span", method.toUpperCase());
  name.className = "method";
  const what = make("span", operation.description || operation.summary);
  what.className = "about";
  return make("details", "", make("summary", "", name, make("code", path), what), inside);
};

const start = async () => {
  const spec = await (await fetch("openapi.json")).json();
  document.getElementById("about").textContent = `${spec.info.description} Version ${spec.info.version}.`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const [tag] = operation.tags || ["other"];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(draw(spec, path, method, operation));
    }
  }
  const main = document.getElementById("operations");
  main.replaceChildren();
  for (const tag of [...groups.keys()].sort()) {
    main.append(make("h2", tag), ...groups.get(tag));
  }
};

start().catch((error) => {
  document.getElementById("operations").textContent = `openapi.json cannot be shown: ${error}`;
});
