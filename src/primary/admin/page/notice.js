// The line above the panels: what has just happened, for a while, or what is wrong, until it is not.
import { byId, setText } from './dom.js';

const toldMs = 15_000;

export function createNotice() {
  const line = byId('notice');
  let timer;

  function show(text) {
    clearTimeout(timer);
    setText(line, text);
  }

  return {
    /** Stays until something else is shown. */
    show,
    /** Goes by itself. */
    tell(text) {
      show(text);
      timer = setTimeout(() => show(''), toldMs);
    },
  };
}
