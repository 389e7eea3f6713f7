// Lifecycle events: what each says, how grave it is, and the list of them.
import { byId, element } from './dom.js';
import { time } from './format.js';

const shown = 60;
/** Ends that somebody asked for. */
const asked = new Set(['reload', 'stop', 'fewer processes']);

/** @returns {{ text: string, tone: 'bad' | 'good' | 'note' | 'quiet', marked: boolean }} */
export function describe(event) {
  const { type, slot, pid } = event;
  switch (type) {
    case 'forked':
      return { text: `server ${slot} started, pid ${pid}`, tone: 'quiet', marked: false };
    case 'ready':
      return { text: `server ${slot} is ready, pid ${pid}`, tone: 'good', marked: false };
    case 'exited': {
      const how = event.signal === null ? `code ${event.code}` : event.signal;
      if (asked.has(event.reason)) {
        return {
          text: `server ${slot} left: ${event.reason} (${how}), pid ${pid}`,
          tone: 'quiet',
          marked: false,
        };
      }
      return {
        text: `server ${slot} was lost: ${event.reason} (${how}), pid ${pid}`,
        tone: 'bad',
        marked: true,
      };
    }
    case 'reload started':
    case 'reload completed':
      return { text: type, tone: 'note', marked: true };
    case 'reload aborted':
      return { text: `reload aborted: ${event.reason}`, tone: 'bad', marked: true };
    case 'resized':
      return { text: `now ${event.serverProcesses} server processes`, tone: 'note', marked: true };
    case 'stopping':
      return { text: `stopping: ${event.reason}`, tone: 'note', marked: true };
    default:
      return { text: type, tone: 'quiet', marked: false };
  }
}

/** @param {object[]} events oldest first */
export function drawEvents(events) {
  const section = byId('events');
  section.classList.toggle('is-empty', events.length === 0);
  section.querySelector('ol').replaceChildren(...events.slice(-shown).reverse().map(item));
}

export function addEvent(event) {
  const list = byId('events').querySelector('ol');
  byId('events').classList.remove('is-empty');
  list.prepend(item(event));
  if (list.children.length > shown) list.lastElementChild.remove();
}

function item(event) {
  const { text, tone } = describe(event);
  const at = element('time', { datetime: new Date(event.atMs).toISOString() }, time(event.atMs));
  return element('li', { 'data-tone': tone }, at, element('span', {}, text));
}
