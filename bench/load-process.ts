/** The bench's end of a client process: starts it on its core, and asks it as if its functions were here. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pinned } from './cores.js'
import type { LoadApi } from './load.js'
import type { Answer, Api, Question } from './questions.js'

interface Waiter {
  resolve(result: unknown): void
  reject(cause: Error): void
}

export class LoadProcess<Calls extends Api = LoadApi> {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiter>()
  #nextId = 1

  /** `program`: the client process whose api is `Calls`. */
  constructor(cores: string | undefined, program = './load.js') {
    const command = pinned(cores, [process.execPath, fileURLToPath(new URL(program, import.meta.url))])
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
    this.#child = spawn(command[0]!, command.slice(1), { stdio: [...stdio], serialization: 'advanced' })
    this.#child.on('message', (answer: Answer) => {
      const waiter = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('error' in answer) waiter?.reject(new Error(`A client process failed: ${answer.error}`))
      else waiter?.resolve(answer.result)
    })
    this.#child.once('exit', (code, signal) => {
      for (const waiter of this.#waiting.values()) waiter.reject(new Error(`A client process ended: ${code ?? signal}`))
    })
  }

  ask<Call extends keyof Calls & string>(
    call: Call,
    ...args: Parameters<Calls[Call]>
  ): Promise<Awaited<ReturnType<Calls[Call]>>> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as Awaited<ReturnType<Calls[Call]>>), reject })
      this.#child.send({ id, call, args } satisfies Question)
    })
  }

  /** Cuts its connections and ends it. */
  end(): void {
    if (this.#child.connected) this.#child.disconnect()
  }
}
