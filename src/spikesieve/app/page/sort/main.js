// @ts-check
// The sorting page begins here.

import { getJson, logIn } from "../api.js";
import { startTheme, toggleTheme } from "../theme.js";
import { ask, draft } from "./draft.js";
import { byId, make } from "./dom.js";
import { startFolders } from "./folders.js";
import { startGo } from "./go.js";
import { startPreview } from "./preview.js";
import { startProbe } from "./probe.js";
import { startRecording } from "./recording.js";
import { startSettings } from "./settings.js";
import { startSorts } from "./sorts.js";

async function start() {
  startTheme();
  byId("theme").addEventListener("click", toggleTheme);
  await logIn();
  const { sorts, role } = await getJson("show/sorts");
  startSorts(sorts);
  if (role === "curator") {
    draft.start = await ask("start", {});
    startRecording();
    startProbe();
    startPreview();
    startSettings();
    startGo();
    startFolders();
  } else {
    document.body.classList.add("only-sorts");
    for (const id of ["folders", "recording", "probe", "settings", "start", "preview"]) byId(id).hidden = true;
  }
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => byId("desk").replaceWith(make("p", { class: "notice" }, error instanceof Error ? error.message : String(error))));
