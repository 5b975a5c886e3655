// @ts-check
// A panel is moved by its tab: to a side of another panel, or behind the other one's tab.

/** @typedef {import("./tree.js").Side} Side */

const FAR_PX = 6, SIDE = 0.25;

/** Which part of a box a point is in. @param {DOMRect} box @param {number} x @param {number} y @returns {Side} */
export function sideOf(box, x, y) {
  const across = (x - box.left) / box.width, down = (y - box.top) / box.height;
  const near = /** @type {[number, Side][]} */ ([[across, "left"], [1 - across, "right"], [down, "top"], [1 - down, "bottom"]]);
  const [least, side] = near.reduce((a, b) => (b[0] < a[0] ? b : a));
  return least < SIDE ? side : "centre";
}

/**
 * @param {HTMLElement} main @param {(name: string, target: string, side: Side) => void} drop
 */
export function startDragging(main, drop) {
  const shade = document.createElement("div");
  shade.className = "drop";
  /** @type {{name: string, x: number, y: number, active: boolean, target: string | null, side: Side} | null} */
  let drag = null;
  const end = () => {
    drag = null;
    shade.remove();
    document.body.classList.remove("moving");
  };
  main.addEventListener("pointerdown", (event) => {
    const tab = event.target instanceof HTMLElement ? event.target.closest(".tab") : null;
    if (event.button === 0 && tab instanceof HTMLElement && tab.dataset.panel) drag = { name: tab.dataset.panel, x: event.clientX, y: event.clientY, active: false, target: null, side: "centre" };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag || (!drag.active && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR_PX)) return;
    drag.active = true;
    document.body.classList.add("moving");
    const section = document.elementFromPoint(event.clientX, event.clientY)?.closest("#panels section");
    drag.target = section?.id ?? null;
    if (!(section instanceof HTMLElement)) return shade.remove();
    const box = section.getBoundingClientRect();
    drag.side = sideOf(box, event.clientX, event.clientY);
    const half = { left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1], top: [0, 0, 1, 0.5], bottom: [0, 0.5, 1, 0.5], centre: [0, 0, 1, 1] }[drag.side];
    shade.style.left = `${box.left + half[0] * box.width}px`;
    shade.style.top = `${box.top + half[1] * box.height}px`;
    shade.style.width = `${half[2] * box.width}px`;
    shade.style.height = `${half[3] * box.height}px`;
    document.body.append(shade);
  });
  document.addEventListener("pointerup", () => {
    const done = drag;
    end();
    if (done?.active && done.target) drop(done.name, done.target, done.side);
  });
  document.addEventListener("pointercancel", end);
  document.addEventListener("keydown", (event) => event.key === "Escape" && drag && end());
}
