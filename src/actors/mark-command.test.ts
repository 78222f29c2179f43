import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { OneNode } from '../../test/actors/one-node.js'
import { outsidePromises } from '../../test/sim/virtual-time.js'
import { ActorKind, actorKey, directId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { encodeContent } from '../protocol/content.js'

test('whoever marks a conversation too often waits, and uses up nothing by it; other conversations do not', async () => {
  await outsidePromises(() => {
    const node = new OneNode()
    const ann = node.connect('ann', 'd')
    const place = (peer: string) => {
      const conversation = directId('ann' as UserId, peer as UserId)
      return { conversationKind: ActorKind.direct, conversation }
    }
    for (const peer of ['ben', 'cem']) {
      const content = encodeContent({ messageId: 1n, body: new Uint8Array(9) })
      const key = actorKey('demo', ActorKind.direct, place(peer).conversation)
      node.say(ann, key, { kind: 'send', ref: 1, n: 1, ...place(peer), content })
    }
    node.run(5_000)
    const mark = (n: number, peer: string) => {
      const said = { seq: 0, ordinal: 0, set: 2, flags: n % 2 === 0 ? 0 : 2, incarnation: 1 }
      node.say(ann, ann.inbox, { kind: 'mark', ref: n, n, ...place(peer), ...said })
    }
    const answers = () => {
      node.run(100)
      return node.take(ann).flatMap((frame) => {
        if (frame.kind === 'ack') return `${frame.n}`
        return frame.kind === 'refusal' ? `${frame.n} ${frame.name} ${frame.retryAfterMs > 0}` : []
      })
    }
    node.take(ann)
    const max = LIMITS.marksPerSecondMax
    for (let n = 1; n <= max + 1; n++) mark(n, 'ben')
    deepEqual(answers(), [...Array.from({ length: max }, (_, at) => `${at + 1}`), `${max + 1} mark-rate true`])
    mark(max, 'ben')
    mark(max + 1, 'cem')
    deepEqual(answers(), [`${max}`, `${max + 1}`], 'a resend is answered, and another conversation counts by itself')
    node.run(1_000)
    mark(max + 2, 'ben')
    deepEqual(answers(), [`${max + 2}`])
  })
})
