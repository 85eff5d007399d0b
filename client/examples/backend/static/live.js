// Copy from this file what JavaScript adds: live updates of the status, StackOne in a new
// tab with one click, and StackOne's Hub in the page.
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
  const response = await fetch("/api/session", { method: "POST" });
  if (!response.ok) {
    announcer.textContent = "We cannot connect you right now. Try again in a few minutes.";
    announcer.classList.remove("unseen");
    return;
  }
  const { token } = await response.json();
  const element = document.createElement("stackone-hub");
  element.setAttribute("token", token);
  if (hub.dataset.api) { // a fake StackOne
    element.setAttribute("base-url", hub.dataset.api);
    element.setAttribute("app-url", hub.dataset.api);
  }
  element.setAttribute("theme", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  element.addEventListener("success", () => fetch("/api/hub/succeeded", { method: "POST" }));
  element.addEventListener("close", () => hub.close());
  hub.append(element);
  hub.addEventListener("close", () => element.remove(), { once: true });
  hub.showModal();
}
