// Making elements, and only from text: nothing that comes over the wire is ever parsed as HTML.

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no #${id} in the page`);
  return found;
}

/** Writes only what changed, so that a screen reader is told no more than that. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
