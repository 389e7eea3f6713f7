// Questions to a server process that are still out, each with its patience.

export class ReportRequests {
  readonly #open = new Map<number, () => void>();
  #asked = 0;

  /**
   * @param send sends the question with this id
   * @returns resolves when it is settled, or after `timeoutMs`
   */
  ask(send: (id: number) => void, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const id = ++this.#asked;
      const timer = setTimeout(() => this.settle(id), timeoutMs);
      this.#open.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      send(id);
    });
  }

  settle(id: number): void {
    this.#open.get(id)?.();
    this.#open.delete(id);
  }

  settleAll(): void {
    for (const id of [...this.#open.keys()]) this.settle(id);
  }
}
