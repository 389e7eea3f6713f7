import { describe, expect, it } from 'vitest';
import { readCommand } from '#src/cli/command.js';
import { ConfigError } from '#src/config.js';

describe('the command line', () => {
  it.each([
    ['', { name: 'serve', flags: {} }],
    ['serve --port 8080', { name: 'serve', flags: { port: '8080' } }],
    ['--port=8080 --workers=2', { name: 'serve', flags: { port: '8080', workers: '2' } }],
    ['--port 1 --port 2', { name: 'serve', flags: { port: '2' } }],
    ['--tasks=a=b', { name: 'serve', flags: { tasks: 'a=b' } }],
    ['--port=-1', { name: 'serve', flags: { port: '-1' } }],
    ['check --tasks x', { name: 'check', flags: { tasks: 'x' } }],
    ['check ./app.js', { name: 'check', flags: { app: './app.js' } }],
    ['--tasks x check', { name: 'check', flags: { tasks: 'x' } }],
    ['status --json --admin-url http://x', { name: 'status', json: true, adminUrl: 'http://x' }],
    ['new-task a.b', { name: 'new-task', operands: ['a.b'] }],
    ['new-task -- a', { name: 'new-task', operands: ['a'] }],
    ['--help', { name: 'help' }],
    ['-h', { name: 'help' }],
    ['help', { name: 'help' }],
    ['check --help', { name: 'help' }],
    ['--version', { name: 'version' }],
    ['-v', { name: 'version' }],
  ])('%j is understood', (line, command) => {
    expect(readCommand(words(line))).toMatchObject(command);
  });

  it.each([
    ['start', 'unknown command "start"'],
    ['8080', 'unknown command "8080"'],
    ['--prot 1', 'unknown flag "--prot"'],
    ['--no-port', 'unknown flag "--no-port"'],
    ['--constructor=1', 'unknown flag "--constructor"'],
    ['-p 1', 'unknown flag "-p"'],
    ['--port', '--port needs a value'],
    ['--port --workers 2', '--port needs a value'],
    ['--help=1', '--help takes no value'],
    ['check --json', 'check takes no --json'],
    ['--admin-url http://x', 'serve takes no --admin-url'],
    ['new-task', 'new-task needs a NAME'],
    ['new-task a b', 'does not know what to do with "b"'],
    ['reload now', 'does not know what to do with "now"'],
  ])('%j is refused in one line', (line, reason) => {
    expect(() => readCommand(words(line))).toThrow(ConfigError);
    expect(() => readCommand(words(line))).toThrow(reason);
  });
});

function words(line: string): string[] {
  return line.split(' ').filter((word) => word !== '');
}
