/** Many direct conversations with people who are not there, one message each: what a server has gathered over years. */
import { directId, type UserId } from '../src/domain/ids.js'
import { encodeContent } from '../src/protocol/content.js'
import type { Participant } from './participant.js'
import { messageIdOf } from './send-slots.js'

/** Waiting for an ack, per participant; far below what a connection may have in flight. */
const IN_FLIGHT = 32

export interface Beginnings {
  readonly conversations: number
  readonly userOf: (client: number) => string
  readonly body: Uint8Array
}

/** Resolves once every first message is acked. */
export async function beginConversations(participants: readonly Participant[], plan: Beginnings): Promise<void> {
  let next = 0
  const worker = async (participant: Participant) => {
    const content = encodeContent({ messageId: messageIdOf(participant.index, 1), body: plan.body })
    while (next < plan.conversations) {
      const stranger = `stranger-${`${next++}`.padStart(8, '0')}`
      const conversation = directId(plan.userOf(participant.index) as UserId, stranger as UserId)
      const send = { kind: 'send', n: 1, conversationKind: 1, conversation, content } as const
      const answer = await participant.ask((ref) => ({ ...send, ref }))
      if (answer.kind !== 'ack') throw new Error(`Cannot begin ${conversation}: ${JSON.stringify(answer)}`)
    }
  }
  await Promise.all(participants.flatMap((participant) => Array.from({ length: IN_FLIGHT }, () => worker(participant))))
}
