// Start: theme, drawing again when the size or the theme changes, printing in light colours.

function drawAll() {
  drawOverview();
  drawDetail();
  for (const row of inView) drawThumbnails(row);
}

function changeTheme(name) {
  setTheme(name);
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  drawAll();
}

function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => changeTheme(system.matches ? "dark" : "light");
  byId("theme").hidden = false;
  byId("theme").addEventListener("click", () => changeTheme(dark() ? "light" : "dark"));
  system.addEventListener("change", follow);
  let before = null;
  window.addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme;
    changeTheme("light");
    rows.forEach(drawThumbnails);
  });
  window.addEventListener("afterprint", () => changeTheme(before));
  follow();
}

let waiting = 0;
function onResize() {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => { drawOverview(); drawDetail(); });
}

startTable();
startOverview();
startDrift();
startTheme();
startDetail();
new ResizeObserver(onResize).observe(document.querySelector("main"));
document.documentElement.dataset.ready = "yes";
