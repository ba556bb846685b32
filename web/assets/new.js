// Files for a job: dropped on the form, sent piece by piece, and gone on with after a broken
// connection (tus 1.0.0). Without this script the form sends them at once.

const PIECE = 4 << 20;
const TRIES = 8;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The name of a file in base64, as tus wants it. */
function encoded(name) {
  const bytes = new TextEncoder().encode(name);
  return btoa(String.fromCharCode(...bytes));
}

async function begin(file) {
  const headers = { "tus-resumable": "1.0.0", "upload-length": file.size, "upload-metadata": "filename " + encoded(file.name) };
  const answer = await fetch("/api/v1/uploads", { method: "POST", headers });
  if (!answer.ok) throw await answer.json();
  return answer.headers.get("location");
}

/** How much of a file is there already. */
async function offset(address) {
  const answer = await fetch(address, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
  return answer.ok ? Number(answer.headers.get("upload-offset")) : null;
}

async function piece(address, file, from) {
  const headers = { "tus-resumable": "1.0.0", "upload-offset": from, "content-type": "application/offset+octet-stream" };
  const body = file.slice(from, from + PIECE);
  const answer = await fetch(address, { method: "PATCH", headers, body });
  if (answer.ok) return Number(answer.headers.get("upload-offset"));
  if (answer.status === 409) return offset(address);
  throw await answer.json();
}

/** Where a file was begun to be sent, also before the page was loaded again. */
async function begun(file) {
  const key = ["upload", file.name, file.size, file.lastModified].join("/");
  const known = localStorage.getItem(key);
  const there = known && (await offset(known).catch(() => null));
  if (typeof there === "number") return [known, there];
  const address = await begin(file);
  localStorage.setItem(key, address);
  return [address, 0];
}

/** Sends a file and tells how far it is. Answers with its id. */
async function send(file, tell) {
  let [address, at] = await begun(file);
  let tries = 0;
  while (at < file.size) {
    try {
      at = (await piece(address, file, at)) ?? at;
      tries = 0;
    } catch (problem) {
      // The head has answered that it will not have it.
      if (problem.title) throw problem;
      if (++tries > TRIES) throw problem;
      await pause(Math.min(500 * 2 ** tries, 15_000));
      at = (await offset(address).catch(() => null)) ?? at;
    }
    tell(at / file.size);
  }
  return address.split("/").pop();
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", async (event) => {
    const input = form.querySelector("input[type=file]");
    const file = input?.files[0];
    if (!file || form.dataset.sent) return;
    event.preventDefault();
    const status = form.querySelector("#sending");
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", file.name);
    status.replaceChildren(file.name, bar);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    try {
      const id = await send(file, (part) => (bar.value = part));
      const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "upload", value: id });
      const chosen = Object.assign(document.createElement("input"), { type: "hidden", name: "do", value: event.submitter?.value ?? "run" });
      form.querySelector("input[name=upload]")?.remove();
      input.value = "";
      form.dataset.sent = "yes";
      form.append(hidden, chosen);
      form.submit();
    } catch (problem) {
      for (const button of form.querySelectorAll("button")) button.disabled = false;
      status.textContent = problem.title ?? String(problem);
      status.classList.add("error");
    }
  });
}

for (const form of document.querySelectorAll("form[data-drop]")) {
  const input = form.querySelector("input[type=file]");
  if (!input) continue;
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// A file that is chosen goes before the sample.
document.querySelector("input[name=file]")?.addEventListener("change", (event) => {
  const sample = document.querySelector("input[name=sample]");
  if (sample && event.target.files.length) sample.checked = false;
});

document.getElementById("problem")?.focus();
