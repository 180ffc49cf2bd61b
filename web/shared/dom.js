const SVG = 'http://www.w3.org/2000/svg';

/** The element with this id; the page has it. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * An element with attributes and children; text becomes text, never markup.
 * @param {string} name
 * @param {Record<string, string | number | boolean | undefined | ((event: Event) => void)>} attributes functions become
 *   listeners, `undefined` and `false` are left out
 * @param {...(Node | string | undefined)} children
 */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/**
 * Shows items as children of a list. What did not change keeps its element, and with it focus and open details.
 * @template T
 * @param {HTMLElement} list
 * @param {readonly T[]} items
 * @param {{ key: (item: T) => string, signature: (item: T) => string, make: (item: T) => HTMLElement }} how
 */
export function showList(list, items, { key, signature, make }) {
  const before = list.shownItems ?? new Map();
  const after = new Map();
  for (const item of items) {
    const known = before.get(key(item));
    const now = signature(item);
    const element = known?.signature === now ? known.element : make(item);
    if (known !== undefined && known.element !== element) carryOver(known.element, element);
    after.set(key(item), { element, signature: now });
  }
  list.shownItems = after;
  const elements = [...after.values()].map(({ element }) => element);
  for (const [i, element] of elements.entries()) {
    if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
  }
  while (list.children.length > elements.length) list.lastElementChild.remove();
}

/** Open details stay open; focus goes on in the element that takes the old one's place. */
function carryOver(old, element) {
  const details = element.querySelector('details');
  if (details !== null && old.querySelector('details')?.open) details.open = true;
  if (!old.contains(document.activeElement)) return;
  const selector = document.activeElement.matches('summary') ? 'summary' : 'button, summary';
  old.replaceWith(element);
  element.querySelector(selector)?.focus({ preventScroll: true });
}
