/**
 * `parley send` and `parley tail`: a user on the command line, over a real connection and the client's session machine.
 */
import type { ConversationName } from '../client/command-queue.js'
import { Session } from '../client/session.js'
import type { SessionListener } from '../client/session-listener.js'
import type { Item } from '../client/timeline.js'
import { ActorKind, directId, type UserId, usersOfDirect } from '../domain/ids.js'
import { REFUSALS, refusalOfWire } from '../domain/refusal.js'
import { decodeContent } from '../protocol/content.js'
import { EventKind } from '../protocol/wire-numbers.js'
import { SYSTEM_RANDOM } from '../std/random.js'
import { webSocketDialer } from './dialer.js'
import { CommandError, EXIT, type Terminal } from './terminal.js'

export interface Caller {
  readonly url: string
  readonly token: string
  readonly device: string
  readonly json: boolean
}

export interface SendOptions extends Caller {
  readonly to: string
  readonly isGroup: boolean
  readonly text: string
  readonly timeoutMs: number
}

export interface TailOptions extends Caller {
  /** Absent: whatever arrives. */
  readonly conversation?: string
  readonly isGroup: boolean
  /** Ends after so many; absent: never. */
  readonly count?: number
}

/** Resolves when the server has acked: then it is durable. Throws CommandError. */
export async function send(terminal: Terminal, options: SendOptions): Promise<void> {
  const to = conversationOf(options, options.to)
  let reason = ''
  const settled = new Promise<{ seq: number | undefined }>((resolve, reject) => {
    const session = sessionOf(terminal, options, (why) => (reason = why), reject, {
      settled(_, __, outcome) {
        if (outcome.kind === 'acked') resolve({ seq: outcome.seq })
        else reject(refused(outcome.code))
        session.stop()
      },
      unknown: () => reject(new CommandError('the outcome is unknown; sending it again may repeat it')),
    })
    session.send(to, { contentType: 'text/plain', body: Buffer.from(options.text) })
    session.start()
    terminal.clock.after(options.timeoutMs, () => {
      session.stop()
      const why = reason === '' ? 'no answer' : reason
      reject(
        new CommandError(
          `${why} from ${options.url}; is the server running? (if it has another port: --url or PARLEY_PORT)`,
          EXIT.unreachable,
        ),
      )
    })
  })
  const { seq } = await terminal.progress(`sending to ${options.url}`, settled)
  if (options.json) terminal.json({ acked: true, seq: seq ?? null, to: options.to })
  else terminal.print(`acked: durable at seq ${seq ?? 'unknown'} of ${options.to}`)
}

/** Prints every event once and in order, each conversation from its first event on where it is named. */
export async function tail(terminal: Terminal, options: TailOptions, stopped: AbortSignal): Promise<void> {
  let left = options.count ?? Number.POSITIVE_INFINITY
  await new Promise<void>((resolve, reject) => {
    const note = (why: string) => terminal.note(`${why} from ${options.url}; trying again`)
    const session = sessionOf(terminal, options, note, reject, {
      online: () => terminal.note(`connected to ${options.url}; Ctrl-C ends`),
      shown(conversation, item) {
        if (left <= 0) return
        show(terminal, conversation, item, options.json)
        if (--left > 0) return
        session.stop()
        resolve()
      },
    })
    stopped.addEventListener('abort', () => {
      session.stop()
      resolve()
    })
    if (options.conversation !== undefined) {
      session.follow(conversationOf(options, options.conversation))
    }
    session.start()
  })
}

function sessionOf(
  terminal: Terminal,
  { url, token, device }: Caller,
  failed: (why: string) => void,
  reject: (error: CommandError) => void,
  listener: Partial<SessionListener>,
): Session {
  const session: Session = new Session({
    clock: terminal.clock,
    random: SYSTEM_RANDOM,
    dial: webSocketDialer(url, failed),
    token,
    device,
    listener: {
      connection() {},
      online() {},
      stored() {},
      sent() {},
      settled() {},
      laneLost: (why) => terminal.note(`the server knows this device's lane no more (${why}); opened another`),
      unknown() {},
      received() {},
      shown() {},
      listed() {},
      inboxRefused: () =>
        terminal.note('the server knows less of the conversation list than this device; tell its operator'),
      restarted: () => terminal.note('the server was restored from a backup; every conversation is shown again'),
      rejected: ({ code }) => reject(refused(code)),
      ...listener,
    },
  })
  return session
}

/** `name` is a group's id, or the other user of a direct conversation. */
function conversationOf({ token, isGroup }: Caller & { isGroup: boolean }, name: string): ConversationName {
  if (isGroup) return { kind: ActorKind.group, id: name }
  return { kind: ActorKind.direct, id: directId(userOf(token), name as UserId) }
}

/** Who the token says we are; whether that is true is for the server to say. */
function userOf(token: string): UserId {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8')) as { sub: UserId }
    if (typeof claims.sub === 'string') return claims.sub
  } catch {
    // What is no JWT names nobody.
  }
  throw new CommandError('the token is no JWT that names a user; make one with: parley token', EXIT.usage)
}

function show(terminal: Terminal, { id, kind }: ConversationName, item: Item, json: boolean): void {
  if (item.kind === 'own') return
  const { seq, from, time, event: type, users, content } = factsOf(item)
  const text = content?.body === undefined ? undefined : Buffer.from(content.body).toString('utf8')
  const conversation = kind === ActorKind.direct ? usersOfDirect(id)?.join(' & ') : id
  if (json) return terminal.json({ conversation, seq, from, time, event: type, users, text: text ?? null })
  const what = text ?? `${type}${users.length > 0 ? ` ${users.join(', ')}` : ''}`
  terminal.print(`${terminal.style('dim', `${conversation} ${seq}`)} ${terminal.style('cyan', from)}: ${what}`)
}

function factsOf({ event }: Extract<Item, { kind: 'event' }>) {
  const { seq, from, time, eventKind, users, content } = event
  const isText = content !== undefined && content.length > 0
  return { seq, from, time, event: nameOf(eventKind), users, content: isText ? decodeContent(content) : undefined }
}

function nameOf(number: number): string {
  return Object.entries(EventKind).find(([, value]) => value === number)?.[0] ?? `event ${number}`
}

function refused(code: number): CommandError {
  const name = refusalOfWire(code)
  const advice = name === undefined ? 'newer than this build' : `${name}: ${REFUSALS[name].advice}`
  return new CommandError(`refused with ${code} (${advice})`)
}
