// The reload button: asks first, then tells what became of the wish. How the reload itself goes, the events tell.
import { byId } from './dom.js';

export function watchReload(notice) {
  const dialog = byId('confirm');
  byId('reload').addEventListener('click', () => {
    dialog.returnValue = 'cancel';
    dialog.showModal();
  });
  dialog.addEventListener('close', () => {
    const isWanted = dialog.returnValue === 'reload';
    // The event of an earlier close may come only now: one wish is one reload.
    dialog.returnValue = 'cancel';
    if (isWanted) void askForReload(notice);
  });
}

async function askForReload(notice) {
  notice.tell(await answerOf(fetch('/reload', { method: 'POST' })));
}

async function answerOf(asked) {
  try {
    const response = await asked;
    if (response.status === 202) return 'Reload started.';
    const { detail } = await response.json();
    return `Not reloaded: ${detail}`;
  } catch {
    return 'Not reloaded: the server does not answer.';
  }
}
