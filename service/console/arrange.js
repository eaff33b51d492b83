// Bring the children of a list into a wanted order, touching only what is out of place.

/**
 * Make `nodes` the children of `container`, in that order.
 *
 * Nodes already in the right relative order are not moved: they keep focus, scroll position and open details.
 * A child that is no longer wanted is removed. What had focus keeps it even where it had to move; where it went away,
 * the focus goes to its neighbour, or to the view where there is none: whoever works with the keyboard stays in place.
 */
export function arrange(container, nodes) {
  const focused = document.activeElement;
  const wanted = new Set(nodes);
  const place = [...container.children].findIndex((child) => child.contains(focused));
  for (const child of [...container.children]) if (!wanted.has(child)) child.remove();

  let cursor = container.firstElementChild;
  for (const node of nodes) {
    if (node === cursor) {
      cursor = cursor.nextElementSibling;
    } else if (cursor !== null && cursor.nextElementSibling === node) {
      // One element stands too early: step over it; it is put where it belongs when its turn comes.
      cursor = node.nextElementSibling;
    } else {
      container.insertBefore(node, cursor);
    }
  }
  if (place < 0 || focused === document.activeElement) return;
  if (focused.isConnected) focused.focus({ preventScroll: true });
  else (nodes[Math.min(place, nodes.length - 1)] ?? shownView())?.focus({ preventScroll: true });
}

/** The view that is shown: where the focus goes when that which had it is no longer there. */
export const shownView = () => document.querySelector(".view:not([hidden])");
