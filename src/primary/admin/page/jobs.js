// The panel of jobs: how many there are in each state, and the last ones that failed, which can be tried again.
import { byId, element, setText } from './dom.js';
import { count, time, uptime } from './format.js';

export function createJobs(notice) {
  const panel = byId('jobs');

  function row({ id, task, client, attempts, endedAt, error }) {
    const button = element('button', { type: 'button', title: `Have ${id} tried again` }, 'Retry');
    button.addEventListener('click', async () => {
      button.disabled = true;
      notice.tell(await answerOf(fetch(`/jobs/${encodeURIComponent(id)}/retry`, { method: 'POST' })));
    });
    return element(
      'tr',
      { 'data-job': id },
      element('th', { scope: 'row' }, task, element('br', {}), element('small', {}, id)),
      cell('client', client),
      element('td', { class: 'number', 'data-label': 'attempts' }, String(attempts)),
      cell('ended', endedAt === null ? '–' : time(Date.parse(endedAt))),
      cell('error', error === null ? '' : `${error.code}: ${error.detail}`),
      cell('', button),
    );
  }

  return {
    /** @param {object | null} jobs null: none are kept, or nobody can tell now */
    draw(jobs) {
      panel.hidden = jobs === null;
      if (jobs === null) return;
      const { states, oldestMs, failed } = jobs;
      const figure = (name, text) => setText(panel.querySelector(`[data-figure="${name}"]`), text);
      for (const state of ['waiting', 'running', 'completed', 'failed', 'cancelled'])
        figure(state, count(states[state]));
      figure('oldest', states.waiting === 0 ? '–' : uptime(oldestMs));
      const body = panel.querySelector('tbody');
      const shown = [...body.children].map(({ dataset }) => dataset.job).join();
      // A button that is being pressed stays where it is.
      if (shown !== failed.map(({ id }) => id).join()) body.replaceChildren(...failed.map(row));
      panel.classList.toggle('is-empty', failed.length === 0);
    },
  };
}

function cell(label, child) {
  return element('td', { 'data-label': label }, child);
}

async function answerOf(asked) {
  try {
    const response = await asked;
    if (response.ok) return 'The job waits again.';
    const { detail } = await response.json();
    return `Not tried again: ${detail}`;
  } catch {
    return 'Not tried again: the server does not answer.';
  }
}
