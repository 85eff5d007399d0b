// What JavaScript adds: the status as it changes, StackOne in a new tab with one
// click, and StackOne's Hub in the page where the server has it.
const status = document.getElementById("status");
const announcer = document.getElementById("announcer");
const hub = document.getElementById("hub");

const events = new EventSource("/events?seen=" + encodeURIComponent(status.dataset.seen));
events.addEventListener("status", (event) => {
  const focused = status.contains(document.activeElement);
  status.innerHTML = JSON.parse(event.data); // escaped by the server's template
  const heading = status.querySelector("h1");
  if (focused) heading.focus();
  const latest = status.querySelector(".steps li:last-child .text");
  announcer.textContent = heading.textContent + ". " + (latest ? latest.textContent : "");
});
window.addEventListener("pagehide", () => events.close());

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.classList.contains("connect")) return;
  if (hub) {
    event.preventDefault();
    openHub();
    return;
  }
  form.target = "_blank";
  form.elements.then.value = "open";
});

async function openHub() {
  const made = await fetch("/api/session", { method: "POST" });
  if (!made.ok) {
    announcer.textContent = "Connecting does not work right now. Try again in a few minutes.";
    announcer.classList.remove("unseen");
    return;
  }
  const { token } = await made.json();
  const tell = (what) => fetch("/api/hub/" + what, { method: "POST", body: new URLSearchParams({ token }) });

  const element = document.createElement("stackone-hub");
  element.setAttribute("token", token);
  if (hub.dataset.stackone) { // the fake
    element.setAttribute("base-url", hub.dataset.stackone);
    element.setAttribute("app-url", hub.dataset.stackone);
  }
  element.setAttribute("theme", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  element.addEventListener("success", () => tell("succeeded"));
  element.addEventListener("close", () => hub.close());
  hub.append(element);
  hub.addEventListener("close", () => element.remove(), { once: true });
  hub.showModal();
  tell("opened");
}
