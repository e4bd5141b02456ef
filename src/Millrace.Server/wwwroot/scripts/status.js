// One line that says how the connection is, and what has just happened; and the question for a key.

const TOLD_FOR = 5000; // milliseconds
const LONG = 12; // characters: more have no room in the bar of a phone

export class Status {
  #element;
  #timer = 0;
  #lasting = "Connecting";

  constructor(element, studio) {
    this.#element = element;
    const dialog = document.getElementById("key-dialog"), key = document.getElementById("key");
    dialog.addEventListener("close", () => dialog.returnValue && studio.connection.useKey(key.value));
    studio.addEventListener("state", ({ detail: { state, text } }) => {
      element.dataset.state = state;
      this.#lasting = state === "live" ? "Live" : text;
      this.tell(text);
      if (state === "locked" && !dialog.open) dialog.showModal();
    });
    studio.addEventListener("refused", ({ detail: { message } }) => this.tell(message));
  }

  /** Says it for some seconds, then again how the connection is. */
  tell(text) {
    clearTimeout(this.#timer);
    if (this.#element.textContent !== text) this.#element.textContent = text;
    this.#element.toggleAttribute("data-long", text.length > LONG);
    if (text !== this.#lasting) this.#timer = setTimeout(() => this.tell(this.#lasting), TOLD_FOR);
  }
}
