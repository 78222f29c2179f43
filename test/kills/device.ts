/**
 * A device that lives through all kills: the client library's session over real sockets, and a record of all that it
 * asked, heard and showed.
 */

import { signToken } from '../../src/access/token.js'
import type { CommandOutcome, ConversationName } from '../../src/client/command-queue.js'
import { Session } from '../../src/client/session.js'
import type { SessionListener } from '../../src/client/session-listener.js'
import { ChangeAction as Action, type ChangeAction } from '../../src/protocol/wire-numbers.js'
import { SYSTEM_CLOCK } from '../../src/std/clock.js'
import type { Random } from '../../src/std/random.js'
import type { InvokedLine, SpentLine } from '../checkers/history.js'
import { eventFactsOf } from '../sim/event-line.js'
import { itemOf } from '../sim/sim-client.js'
import { SECRET } from '../support/server-process.js'
import { rawDialer, type Whereabouts } from './raw-dialer.js'
import type { Recorder } from './recorder.js'

export const APP = 'test'

const TOKEN_HOURS = 24
const WHAT: Readonly<Record<ChangeAction, InvokedLine['what']>> = {
  [Action.create]: 'create',
  [Action.invite]: 'invite',
  [Action.leave]: 'leave',
  [Action.kick]: 'kick',
}

export interface DeviceParts {
  readonly user: string
  readonly device: string
  readonly server: Whereabouts
  readonly random: Random
  readonly recorder: Recorder
}

export class Device {
  readonly user: string
  readonly name: string
  readonly session: Session
  readonly #parts: DeviceParts
  /** Commands without an outcome. */
  readonly #open = new Set<string>()

  constructor(parts: DeviceParts) {
    const { user, device, server, random } = parts
    this.#parts = parts
    this.user = user
    this.name = `${user}/${device}`
    const expiresAt = Date.now() + TOKEN_HOURS * 60 * 60_000
    const token = signToken(SECRET, { app: APP, user, expiresAt })
    const dial = rawDialer(server)
    this.session = new Session({ clock: SYSTEM_CLOCK, random, dial, listener: this.#listener(), token, device })
  }

  get openCommands(): number {
    return this.#open.size
  }

  /** The network is back: dials now, and not when its patience says so. */
  wake(): void {
    if (this.session.isOnline) return
    this.session.stop()
    this.session.start()
  }

  send(to: ConversationName, body: Uint8Array): void {
    this.#invoked(to, this.session.send(to, { contentType: 'text/plain', body }).id, 'send')
  }

  change(of: ConversationName, action: ChangeAction, users: readonly string[]): void {
    this.#invoked(of, this.session.change(of, action, users).id, WHAT[action])
  }

  #invoked({ id: conversation }: ConversationName, command: string, what: InvokedLine['what']): void {
    this.#open.add(command)
    const { user, device, recorder } = this.#parts
    recorder.add({ type: 'invoked', at: recorder.now, client: this.name, user, device, conversation, command, what })
  }

  #listener(): SessionListener {
    const { user, recorder } = this.#parts
    const who = () => ({ at: recorder.now, client: this.name })
    return {
      connection: () => {},
      listed: (entries) => {
        for (const entry of entries) recorder.add({ type: 'listed', ...who(), user, ...itemOf(entry) })
      },
      restarted: () => recorder.trouble(`${this.name} was told that history began anew, which nothing has made it do`),
      inboxRefused: ({ name }) => {
        throw new Error(`refused its inbox: ${name}`)
      },
      online: () => {},
      stored: () => {},
      sent: () => {},
      settled: ({ id }, command, outcome, lane) => {
        this.#open.delete(command.id)
        this.#settled(id, command.id, outcome, lane.number)
      },
      laneLost: (why) => recorder.trouble(`${this.name} lost its lane, which nothing has damaged: ${why}`),
      unknown: (_, command) => {
        this.#open.delete(command.id)
        recorder.add({ type: 'unknown', ...who(), command: command.id })
      },
      received: (frame) => {
        if (frame.kind === 'event') recorder.add({ type: 'received', ...who(), user, ...eventFactsOf(frame) })
        else {
          const { conversation, from, to } = frame
          recorder.add({ type: 'skipped', ...who(), user, conversation, from, to })
        }
      },
      shown: ({ id }, { seq }) => recorder.add({ type: 'shown', ...who(), conversation: id, seq }),
      rejected: ({ name }) => recorder.trouble(`${this.name} was rejected: ${name}`),
    }
  }

  #settled(conversation: string, command: string, outcome: CommandOutcome, lane: number): void {
    const { user: from, device, recorder } = this.#parts
    const told = { at: recorder.now, client: this.name, conversation, command }
    const { n } = outcome
    if (outcome.kind === 'acked') {
      const { seq } = outcome
      recorder.add({ type: 'acked', ...told, lane, n, ...(seq !== undefined && { seq }) })
      return
    }
    const { code } = outcome
    recorder.add({ type: 'refused', ...told, code })
    recorder.spent.push({ type: 'spent', conversation, from, device, lane, n, code } satisfies SpentLine)
  }
}
