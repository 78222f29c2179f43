/**
 * What a command says and how: results on standard output, as JSON where asked, everything else on standard error.
 * Colours only where a person looks (a terminal, NO_COLOR unset or empty).
 */
import type { Clock } from '../std/clock.js'

/** Exit codes, as docs/operations.md lists them. Commander ends with 1 on wrong usage, which becomes `usage`. */
export const EXIT = {
  ok: 0,
  /** It was tried and did not work: refused, or a doctor's check failed. */
  failed: 1,
  /** Wrong option or argument. */
  usage: 2,
  /** The server cannot be reached, or did not answer in time. */
  unreachable: 69,
  /** The configuration must be changed (process-messages.ts has the same number). */
  config: 78,
} as const

/** Something the person can mend; the message says how, and no stack trace follows. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
}

export interface TerminalParts {
  readonly stdout: Output
  readonly stderr: Output
  readonly environment: NodeJS.ProcessEnv
  readonly clock: Clock
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
const CODES: Record<Style, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }
const PROGRESS_AFTER_MS = 2_000
const PROGRESS_EVERY_MS = 1_000

export class Terminal {
  readonly clock: Clock
  readonly #parts: TerminalParts

  constructor(parts: TerminalParts) {
    this.#parts = parts
    this.clock = parts.clock
  }

  get isInteractive(): boolean {
    return this.#parts.stdout.isTTY === true
  }

  print(line: string): void {
    this.#parts.stdout.write(`${line}\n`)
  }

  json(value: unknown): void {
    this.print(JSON.stringify(value))
  }

  /** As it is, without a line end: for screens. */
  raw(text: string): void {
    this.#parts.stdout.write(text)
  }

  note(line: string): void {
    this.#parts.stderr.write(`${line}\n`)
  }

  style(style: Style, text: string): string {
    const isPlain = !this.isInteractive || (this.#parts.environment.NO_COLOR ?? '') !== ''
    return isPlain ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`
  }

  /** Runs `task`; when it takes longer than two seconds, says every second what it is doing and for how long. */
  async progress<Result>(what: string | (() => string), task: Promise<Result>): Promise<Result> {
    const startedAt = this.clock.monotonic()
    const say = () => {
      const doing = typeof what === 'string' ? what : what()
      this.note(`${doing}… ${Math.round((this.clock.monotonic() - startedAt) / 1_000)} s`)
      timer = this.clock.after(PROGRESS_EVERY_MS, say)
    }
    let timer = this.clock.after(PROGRESS_AFTER_MS, say)
    try {
      return await task
    } finally {
      timer.cancel()
    }
  }
}
