// @ts-check
// Requests to the server. Addresses are relative, so that a proxy may put the page behind any prefix.

import { decode } from "./wire.js";

/** @typedef {import("./wire.js").Message} Message */

const MOST_KEPT = 400;
/** @type {Map<string, Promise<Message>>} Answers that never change, the least used first. */
const kept = new Map();

export class Refused extends Error {
  /** @param {number} status @param {string} said */
  constructor(status, said) {
    super(said);
    this.status = status;
  }
}

/** @param {Response} response */
async function checked(response) {
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Refused(response.status, said.error ?? `The server answered ${response.status}.`);
}

/** @param {string} path @returns {Promise<any>} */
export async function getJson(path) {
  return (await checked(await fetch(`api/${path}`, { credentials: "same-origin" }))).json();
}

/** Part of the addresses of this server, so that the browser never takes what it kept of another one at the same port. */
let server = "";

/** @param {string} id */
export function nameServer(id) {
  server = id;
}

/**
 * Get arrays of units, which never change: the second time they are here.
 * @param {string} asked
 * @returns {Promise<Message>}
 */
export function getArrays(asked) {
  const path = `${asked}${asked.includes("?") ? "&" : "?"}r=${server}`;
  const known = kept.get(path);
  const found = known ?? fetch(`api/${path}`, { credentials: "same-origin" }).then(checked).then((r) => r.arrayBuffer()).then(decode);
  kept.delete(path);
  kept.set(path, found);
  if (!known) {
    found.catch(() => kept.delete(path));
    const oldest = kept.size > MOST_KEPT ? kept.keys().next().value : undefined;
    if (oldest !== undefined) kept.delete(oldest);
  }
  return found;
}

/** @param {string} path @param {object} content */
async function sent(path, content) {
  const headers = { "Content-Type": "application/json", "X-Spikesieve": "page" };
  const request = { method: "POST", headers, body: JSON.stringify(content), credentials: /** @type {const} */ ("same-origin") };
  return checked(await fetch(`api/${path}`, request));
}

/** @param {string} path @param {object} content @returns {Promise<any>} */
export async function post(path, content) {
  return (await sent(path, content)).json();
}

/** @param {string} path @param {object} content @returns {Promise<Message>} */
export async function postForArrays(path, content) {
  return decode(await (await sent(path, content)).arrayBuffer());
}

/** Take the token out of the address, and give it for a cookie. */
export async function logIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("t");
  if (!token) return;
  await post("login", { token });
  history.replaceState(null, "", location.pathname + location.search);
}

/**
 * Hear what anybody changes. Joins again when the connection is lost.
 * @param {(event: any) => void} hear
 * @param {(connected: boolean) => void} tell
 */
export function listen(hear, tell) {
  const address = new URL("api/events", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.addEventListener("open", () => tell(true));
  socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    tell(false);
    setTimeout(() => listen(hear, tell), 1000);
  });
}
