// Prints what failed in reports of Vitest (its JSON), so that who reads the last 100 lines of a run sees it: of each
// failure its file, its title and how its message begins. `node .ci/failures.js REPORT…`: a report is named by its Node.
import { existsSync, readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';

const mostFailures = 20;
const mostMessageLines = 15;
/** Of all messages together. */
const messageLines = 60;
const mostColumns = 300;

const failures = process.argv.slice(2).filter(existsSync).flatMap(failuresOf);
const shown = failures.slice(0, mostFailures);
const linesEach = Math.min(mostMessageLines, Math.floor(messageLines / Math.max(1, shown.length)));
for (const { node, file, title, message } of shown) {
  console.log(`FAIL ${node} ${relative(process.cwd(), file)} > ${title}`);
  // Frames of the runner tell nothing.
  const lines = message.split('\n').filter((line) => !/^ +at .*(?:node_modules|\(<anonymous>\))/.test(line));
  for (const line of lines.slice(0, linesEach)) console.log(`  ${line.slice(0, mostColumns)}`);
}
if (failures.length > shown.length) console.log(`… and ${failures.length - shown.length} more`);

function failuresOf(report) {
  const node = basename(report, '.json');
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const broken = assertionResults.filter((one) => one.status === 'failed');
    // One that could not even be loaded.
    if (status === 'failed' && broken.length === 0) return [{ node, file, title: '(the file)', message }];
    return broken.map(({ fullName: title, failureMessages }) => ({
      node,
      file,
      title,
      message: failureMessages.join('\n').trim(),
    }));
  });
}
