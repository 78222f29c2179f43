/** Commands as a device makes them: named at random, so that a resend is known for what it is. */
import { encodeContent, type MessageContent } from '../protocol/content.js'
import { type Random, random64 } from '../std/random.js'
import type { Command, Mark } from './command-queue.js'

/** A message as a command; its id is drawn here. */
export function sendCommand(random: Random, content: Omit<MessageContent, 'messageId'>): Command {
  const messageId = (random64(random) << 64n) | random64(random)
  const id = messageId.toString(16).padStart(32, '0')
  return { id, body: { kind: 'send', content: encodeContent({ ...content, messageId }) } }
}

export function changeCommand(random: Random, action: number, users: readonly string[]): Command {
  return { id: `change ${random64(random).toString(16)}`, body: { kind: 'change', action, users } }
}

export function markCommand(random: Random, mark: Mark): Command {
  return { id: `mark ${random64(random).toString(16)}`, body: { kind: 'mark', ...mark } }
}
