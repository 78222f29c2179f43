/** A command on its way: what a user interface shows beside a message that was just written. */
import { decodeContent, type MessageContent } from '../protocol/content.js'
import type { Command, CommandOutcome } from './command-queue.js'
import type { Conversation } from './conversation.js'
import { ClientError, RefusedError } from './errors.js'

export type OutgoingState =
  /** In memory only: a crash now may lose it. */
  | { readonly kind: 'storing' }
  /** Stored on this device: it will be sent, whatever happens. */
  | { readonly kind: 'queued' }
  /** On its way. Without an answer it is sent again; the server takes it once. */
  | { readonly kind: 'sent' }
  /** Durable at the server, at this place of the conversation; `time` is the server's, in milliseconds since 1970. */
  | { readonly kind: 'acked'; readonly seq: number; readonly time: number }
  /** It was never accepted and never will be. */
  | { readonly kind: 'refused'; readonly error: RefusedError }
  /** Its lane was lost with it under way: it may have been accepted. If it turns up in the timeline it becomes `acked`. */
  | { readonly kind: 'unknown' }

export interface Acked {
  readonly seq: number
  readonly time: number
}

type Listener = (outgoing: Outgoing) => void

export class Outgoing {
  readonly conversation: Conversation
  readonly command: Command
  #state: OutgoingState
  #error: Error | undefined
  readonly #listeners = new Set<Listener>()

  constructor(conversation: Conversation, command: Command, state: OutgoingState = { kind: 'storing' }) {
    this.conversation = conversation
    this.command = command
    this.#state = state
  }

  /** 32 hexadecimal digits for a message: the id that it has everywhere. */
  get id(): string {
    return this.command.id
  }

  /** Of a message: what it carries. */
  get content(): MessageContent | undefined {
    const { body } = this.command
    return body.kind === 'send' ? decodeContent(body.content) : undefined
  }

  get state(): OutgoingState {
    return this.#state
  }

  /** Calls `listener` at each change of state; returns what ends that. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves once it survives a crash of this device, or has an outcome. Rejects where the client is closed before. */
  stored(): Promise<void> {
    return this.#when(
      ({ kind }) => kind !== 'storing',
      () => {},
    )
  }

  /** Resolves when it is durable at the server. Rejects with RefusedError, or ClientError `unknown-outcome`, `closed`. */
  acked(): Promise<Acked> {
    return this.#when(
      ({ kind }) => kind === 'acked' || kind === 'refused' || kind === 'unknown',
      (state) => {
        if (state.kind === 'acked') return { seq: state.seq, time: state.time }
        if (state.kind === 'refused') throw state.error
        throw new ClientError('unknown-outcome', `Cannot tell whether ${this.id} was accepted: its lane was lost`)
      },
    )
  }

  /** For the client: it is stored, or has left. Never goes back. */
  advance(kind: 'queued' | 'sent'): void {
    const isNews = this.#state.kind === 'storing' || (this.#state.kind === 'queued' && kind === 'sent')
    if (isNews) this.#become({ kind })
  }

  /** For the client. */
  settle(outcome: CommandOutcome): void {
    if (outcome.kind === 'refused') this.#become({ kind: 'refused', error: new RefusedError(outcome.code) })
    else if (outcome.seq === undefined) this.#become({ kind: 'unknown' })
    else this.#become({ kind: 'acked', seq: outcome.seq, time: outcome.time })
  }

  /** For the client. */
  lose(): void {
    this.#become({ kind: 'unknown' })
  }

  /** For the client, which is being closed: nobody will hear of the outcome here. */
  abandon(): void {
    this.#error = new ClientError('closed', `Cannot wait for ${this.id}: the client was closed`)
    this.#tell()
  }

  #become(state: OutgoingState): void {
    this.#state = state
    this.#tell()
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener(this)
  }

  #when<T>(isReady: (state: OutgoingState) => boolean, then: (state: OutgoingState) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const isOver = isReady(this.#state)
        if (!isOver && this.#error === undefined) return
        this.#listeners.delete(look)
        if (!isOver) return reject(this.#error)
        try {
          resolve(then(this.#state))
        } catch (cause) {
          reject(cause)
        }
      }
      this.#listeners.add(look)
      look()
    })
  }
}
