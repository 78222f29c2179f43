/**
 * A client process's end of its IPC channel: every exported function of its api may be asked for, by name, and its
 * result or error is the answer. The other end: load-process.ts.
 */

/** Functions whose arguments and results cross a process boundary. */
// biome-ignore lint/suspicious/noExplicitAny: any arguments; the caller's end knows their types
export type Api = Record<string, (...args: any[]) => unknown>

/** One question, answered once under the same id. */
export interface Question {
  readonly id: number
  readonly call: string
  readonly args: readonly unknown[]
}

export type Answer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string }

/** Answers until the other end is gone; then the process ends. */
export function answerQuestions(api: Api): void {
  process.on('message', async ({ id, call, args }: Question) => {
    const answer = await Promise.resolve()
      .then(() => api[call]!(...args))
      .then(
        (result): Answer => ({ id, result }),
        (error): Answer => ({ id, error: error instanceof Error ? (error.stack ?? error.message) : `${error}` }),
      )
    process.send!(answer, undefined, undefined, () => {}) // nobody may be there to hear of an error
  })
  process.on('disconnect', () => process.exit())
}
