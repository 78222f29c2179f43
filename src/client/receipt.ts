/** How far somebody has read, as an application hears of it. */
import type { ConversationKind } from '../domain/ids.js'
import type { ReceiptFrame } from '../protocol/decoded-frame.js'
import type { ConversationName } from './command-queue.js'

/** `user` has read everything up to `seq`. Who writes has read up to there too, of which no receipt tells. */
export interface Receipt {
  readonly conversation: ConversationName
  readonly user: string
  readonly seq: number
}

export function receiptsOf({ conversationKind, conversation: id, users, seqs }: ReceiptFrame): Receipt[] {
  const conversation = { kind: conversationKind as ConversationKind, id }
  return users.map((user, at) => ({ conversation, user, seq: seqs[at] ?? 0 }))
}
