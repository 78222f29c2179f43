/**
 * Every command that a device can say, aimed at a group and at a user: for tests that walk all of them. Which there are is
 * read from the schema's vectors, so that a new one without a case fails whoever compares.
 */
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { encodeContent } from '../../src/protocol/content.js'
import type { EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { verifyClientFrame } from '../../src/protocol/verify.js'
import { ChangeAction, HistoryMode, ListFlag } from '../../src/protocol/wire-numbers.js'
import { Bytes } from '../../src/std/bytes.js'
import { FRAMES } from '../protocol/vector-samples.js'

export interface Aimed {
  readonly user: string
  /** The other of the direct conversation, and whom changes and watches name. */
  readonly peer: string
  readonly group: string
  /** What messages say. */
  readonly text: string
  readonly device: string
}

type Command = Exclude<EncodableFrame['kind'], 'hello' | 'ping'>

/** Kinds of frames that the server takes from clients. */
export function clientKinds(): string[] {
  const taken = Object.values(FRAMES).filter((frame) => {
    const bytes = Bytes.over(encodeFrame(frame))
    return verifyClientFrame(bytes, 0, bytes.size) > 0
  })
  return [...new Set(taken.map(({ kind }) => kind))].sort()
}

/** In an order in which each could be done: what would change most comes last. Refs count from 2. */
export function everyCommand({ user, peer, group, text, device }: Aimed): EncodableFrame[] {
  let ref = 1
  const next = () => ({ ref: ++ref })
  const inGroup = { conversationKind: ActorKind.group, conversation: group }
  const inDirect = {
    conversationKind: ActorKind.direct,
    conversation: directId(user as UserId, peer as UserId),
  }
  const content = encodeContent({ messageId: 1n, body: new TextEncoder().encode(text) })
  const range = { anchor: 0, limit: 10, minSeq: 0 }
  const aimedAt = (place: typeof inGroup | typeof inDirect): EncodableFrame[] => [
    { kind: 'history', ...next(), ...place, mode: HistoryMode.after, ...range },
    { kind: 'history', ...next(), ...place, mode: HistoryMode.before, ...range },
    { kind: 'members', ...next(), ...place, after: 0, limit: 10, wantsOnline: false },
    {
      kind: 'mark',
      ...next(),
      n: 1,
      ...place,
      incarnation: 1,
      seq: 1,
      ordinal: 1,
      set: ListFlag.pinned,
      flags: ListFlag.pinned,
    },
    { kind: 'typing', ...next(), ...place, user: '' },
    { kind: 'send', ...next(), n: 1, ...place, content },
    { kind: 'void', ...next(), n: 2, ...place },
  ]
  const { invite, kick, leave, create } = ChangeAction
  const changes = [invite, kick, leave, create].map((action, index) => ({
    ...{ kind: 'change' as const, ...next(), n: 3 + index, ...inGroup, action },
    users: action === leave ? [] : [peer],
  }))
  return [
    { kind: 'resume', ...next(), incarnation: 0, version: 0, headsFrom: 0, eventsMax: 0 },
    { kind: 'resume', ...next(), incarnation: 0, version: 0, headsFrom: 1, eventsMax: 0 },
    { kind: 'watch', ...next(), users: [peer] },
    { kind: 'sign-out', ...next(), device },
    ...aimedAt(inGroup),
    ...aimedAt(inDirect),
    ...changes,
  ]
}

/** Kinds that `everyCommand` has. */
export function commandKinds(): Command[] {
  const commands = everyCommand({ user: 'a', peer: 'b', group: 'g', text: '', device: 'd' })
  return [...new Set(commands.map(({ kind }) => kind as Command))].sort()
}
