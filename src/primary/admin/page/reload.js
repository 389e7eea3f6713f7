// The reload button: asks first, then tells what became of the wish. How the reload itself goes, the events tell.
import { byId, setText } from './dom.js';

export function watchReload() {
  const dialog = byId('confirm');
  byId('reload').addEventListener('click', () => {
    dialog.returnValue = 'cancel';
    dialog.showModal();
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'reload') void askForReload();
  });
}

async function askForReload() {
  setText(byId('notice'), await answerOf(fetch('/reload', { method: 'POST' })));
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
