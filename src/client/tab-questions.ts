/**
 * What this tab has asked the leader, and waits for: reads of history, which are safe to repeat, so that the next leader is
 * asked again; and frames for the server, which are asked on one connection.
 */
import type { EncodableFrame } from '../protocol/decoded-frame.js'
import type { Clock, Timer } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'
import type { HistoryOutcome, HistoryRange } from './history-reads.js'
import type { Asked } from './link.js'
import type { TabAnswer, TabRequest } from './tab-words.js'

interface Question {
  readonly request: TabRequest & { readonly kind: 'read' | 'ask' }
  readonly done: (answer: TabAnswer) => void
  readonly timer: Timer
}

/** Longer than a leader takes, which answers when nobody answers it. */
const ANSWER_MS_MAX = 35_000

export class TabQuestions {
  readonly #clock: Clock
  readonly #say: (request: TabRequest) => void
  readonly #open = new Map<number, Question>()
  #nextRef = 1

  constructor(clock: Clock, say: (request: TabRequest) => void) {
    this.#clock = clock
    this.#say = say
  }

  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void {
    this.#question({ kind: 'read', ref: this.#nextRef++, name, range }, (answer) => done(answer as HistoryOutcome))
  }

  ask(frame: (ref: number) => EncodableFrame, asked: Asked): void {
    this.#question({ kind: 'ask', ref: this.#nextRef++, frame: frame(0) }, (answer) => {
      if (answer.kind === 'answered') asked.answered(answer.frame)
      else asked.unanswered()
    })
  }

  answered(ref: number, answer: TabAnswer): void {
    this.#take(ref)?.done(answer)
  }

  /** There is another leader, or its words were missed. Of a connection that may be another's by now, nobody will say. */
  again(): void {
    for (const [ref, { request }] of [...this.#open]) {
      if (request.kind === 'read') this.#say(request)
      else this.answered(ref, { kind: 'unanswered' })
    }
  }

  /** The connection is gone, with what was asked on it. */
  down(): void {
    for (const [ref, { request }] of this.#open) if (request.kind === 'ask') this.#take(ref)
  }

  stop(): void {
    for (const ref of [...this.#open.keys()]) this.answered(ref, { kind: 'unanswered' })
  }

  #question(request: Question['request'], done: (answer: TabAnswer) => void): void {
    const timer = this.#clock.after(ANSWER_MS_MAX, () => this.answered(request.ref, { kind: 'unanswered' }))
    this.#open.set(request.ref, { request, done, timer })
    this.#say(request)
  }

  #take(ref: number): Question | undefined {
    const question = this.#open.get(ref)
    this.#open.delete(ref)
    question?.timer.cancel()
    return question
  }
}
