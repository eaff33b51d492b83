// The API's reference page: openapi.json, made readable. All of it is set as text.

import { element } from "/console/element.js";

const answer = await fetch("/api/openapi.json");
const api = await answer.json();

const nameOf = (reference) => reference.split("/").at(-1);

/** A schema in a few words, with links to the forms it names. */
function typeOf(schema) {
  if (schema.$ref) {
    const link = element("a", "", nameOf(schema.$ref));
    link.href = `#${nameOf(schema.$ref)}`;
    return [link];
  }
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.flatMap((one, i) => (i ? [" or ", ...typeOf(one)] : typeOf(one)));
  if (schema.enum) return [schema.enum.map((one) => JSON.stringify(one)).join(" ")];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.type === "array") return ["list of ", ...typeOf(schema.items ?? {})];
  if (schema.type === "object" && schema.additionalProperties) return ["object of ", ...typeOf(schema.additionalProperties)];
  const limits = [["minimum", "≥"], ["maximum", "≤"], ["maxLength", "at most", "characters"], ["pattern", "matching"]]
    .filter(([key]) => schema[key] !== undefined).map(([key, ...words]) => [words[0], schema[key], words[1]].filter((word) => word !== undefined).join(" "));
  return [[schema.type ?? "anything", ...limits].join(" ")];
}

function table(rows) {
  const body = element("tbody");
  for (const [name, schema, required] of rows) {
    const notes = [schema.description, ["string", "number"].includes(typeof schema.default) && schema.default !== "" ? `Default ${schema.default}.` : ""];
    body.append(element("tr", "",
      element("th", "", element("code", "", name), required ? element("sup", "", " required") : ""),
      element("td", "", ...typeOf(schema)),
      element("td", "", notes.filter(Boolean).join(" "))));
  }
  return element("table", "", body);
}

function operation(path, method, one) {
  const section = element("details", "operation",
    element("summary", "", element("b", `method ${method}`, method.toUpperCase()), element("code", "", path), element("span", "", one.summary)));
  if (one.description) section.append(element("p", "", one.description));
  if (one.parameters) section.append(element("h4", "", "Parameters"), table(one.parameters.map((each) => [each.name, { ...each.schema, description: each.description }, each.required])));
  const body = one.requestBody?.content["application/json"].schema;
  if (body) section.append(element("h4", "", "Body"), element("p", "", ...typeOf(body)));
  section.append(element("h4", "", "Answers"));
  const answers = element("ul", "answers");
  for (const [status, said] of Object.entries(one.responses)) {
    const [[type, { schema }]] = Object.entries(said.content);
    answers.append(element("li", "", element("b", "", status), ` ${said.description}: `, ...(Object.keys(schema).length ? typeOf(schema) : [type])));
  }
  section.append(answers);
  if (method === "get" && !path.includes("{") && !path.endsWith("/events")) section.append(trial(path));
  return section;
}

/** A link that shows what the service answers now. */
function trial(path) {
  const link = element("a", "try", "Try it");
  link.href = path;
  link.target = "_blank";
  return element("p", "", link);
}

document.getElementById("title").textContent = `${api.info.title} API ${api.info.version}`;
document.getElementById("about").textContent = api.info.description;
for (const [path, operations] of Object.entries(api.paths)) {
  for (const [method, one] of Object.entries(operations)) document.getElementById("operations").append(operation(path, method, one));
}
for (const [name, schema] of Object.entries(api.components.schemas)) {
  const form = element("section", "form", element("h3", "", name));
  form.id = name;
  if (schema.description) form.append(element("p", "", schema.description));
  if (schema.properties) form.append(table(Object.entries(schema.properties).map(([field, one]) => [field, one, schema.required?.includes(field)])));
  else form.append(element("p", "", ...typeOf(schema)));
  document.getElementById("schemas").append(form);
}
