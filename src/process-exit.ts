// Asks before `process.exit` ends this process: only then does the stack still say whose code calls it.

/** @param ask may throw: then the process goes on */
export function beforeProcessExit(ask: (code: number) => void): void {
  const exit = process.exit.bind(process);
  process.exit = (code) => {
    ask(Number(code ?? process.exitCode ?? 0));
    return exit(code);
  };
}
