// Asking the service over HTTP: JSON both ways, a time limit, and errors as values one can show.

const LIMIT_MS = 10_000;

/** The service answered with an error; `status` 0 means that it did not answer at all. */
export class RequestProblem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let response, body;
  try {
    response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(LIMIT_MS) });
    body = await response.json();
  } catch (problem) {
    throw new RequestProblem(0, String(problem));
  }
  if (!response.ok) throw new RequestProblem(response.status, body.error?.message ?? response.statusText);
  return body;
}

export const get = (path) => ask(path);

export const remove = (path, body = undefined) =>
  ask(path, { method: "DELETE", headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });

export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
