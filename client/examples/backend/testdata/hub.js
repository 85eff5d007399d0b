// A substitute for the web component of the npm package @stackone/hub, with the same
// element, attributes and events, and two buttons.
customElements.define("stackone-hub", class extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `<h2>The Hub</h2>
      <button class="succeed">Succeed</button> <button class="leave">Leave</button>`;
    const emit = (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
    this.querySelector(".succeed").onclick = () => emit("success", { id: "1", provider: "bamboohr" });
    this.querySelector(".leave").onclick = () => emit("close");
  }
});
