// Keys that do what buttons do, and the list of them in the help. Single keys can be turned off, and are still while one types.

const STORE = "single-keys";

/** `keys` maps a key, such as "b" or "mod+z", to `{ text, run }`; `text` is what the help says, null where another key has said it. */
export function listenForShortcuts(keys, list, toggle) {
  toggle.checked = localStorage.getItem(STORE) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(STORE, toggle.checked ? "on" : "off"));
  for (const [key, { text }] of Object.entries(keys)) if (text) list.append(entry(key, text));

  addEventListener("keydown", event => {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]") || writes(event.target)) return;
    const modified = event.ctrlKey || event.metaKey;
    const key = `${modified ? "mod+" : ""}${modified && event.shiftKey ? "shift+" : ""}${event.key.toLowerCase()}`;
    const shortcut = keys[key];
    if (!shortcut || (!modified && !toggle.checked)) return;
    event.preventDefault();
    shortcut.run();
  });
}

function writes(target) {
  return target.matches("input:is([type=text], [type=number], [type=password]), select, textarea");
}

function entry(key, text) {
  const row = document.createElement("div"), term = document.createElement("dt"), keys = document.createElement("dd");
  term.textContent = text;
  keys.append(...key.split("+").flatMap((part, index) => {
    const cap = document.createElement("kbd");
    cap.textContent = { mod: navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl", shift: "Shift" }[part] ?? part.toUpperCase();
    return index ? [" ", cap] : [cap];
  }));
  row.append(term, keys);
  return row;
}
