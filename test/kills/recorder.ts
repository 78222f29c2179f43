/** What all devices of a run asked, heard and showed, on one clock. */
import type { HistoryLine, SpentLine } from '../checkers/history.js'

export class Recorder {
  readonly lines: HistoryLine[] = []
  /** Commands that were refused for good. What the log holds of them no client can read, so their lines join it late. */
  readonly spent: SpentLine[] = []
  /** What no line can say. */
  readonly troubles: string[] = []
  #acked = 0

  get now(): number {
    return performance.now()
  }

  get acked(): number {
    return this.#acked
  }

  add(line: HistoryLine): void {
    this.lines.push(line)
    if (line.type === 'acked') this.#acked++
  }

  trouble(message: string): void {
    this.troubles.push(message)
  }
}
