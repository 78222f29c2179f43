/**
 * The worked example of docs/protocol.md: what a client and a server say to each other first, on all wires.
 */
import { encodeContent } from '../../src/protocol/content.js'
import type { EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { frameToJson } from '../../src/protocol/json-frames.js'
import { annotated } from './annotated-bytes.js'

const lane = { random: 4711n }
const place = { conversationKind: 1, conversation: 'alice\u001fbob' }
const content = encodeContent({
  messageId: 42n,
  contentType: 'text/plain',
  body: new TextEncoder().encode('lunch?'),
})

/** What the client says, before the server's answer to it. */
export const FIRST_EXCHANGE = {
  Hello: { kind: 'hello', ref: 1, token: 'TOKEN', device: 'shell', lane: { ...lane, number: 0 } },
  Welcome: {
    ...{ kind: 'welcome', ref: 1, app: 'demo', user: 'alice', device: 'shell', lane: { ...lane, number: 1 } },
    ...{ heartbeatMs: 25_000, serverTime: 1_770_000_000_000 },
    limits: {
      ...{ bodyBytesMax: 65_536, messageBytesMax: 262_144, inFlightMax: 256, laneWindow: 64 },
      ...{ historyLimitMax: 200, usersPerChangeMax: 500, groupMembersMax: 10_000, framesPerSecondMax: 20_000 },
    },
  },
  Send: { kind: 'send', ref: 2, n: 1, ...place, content },
  Ack: { kind: 'ack', ref: 2, n: 1, seq: 1, time: 1_770_000_000_123, flags: 0 },
} as const satisfies Record<string, EncodableFrame>

/** As JSON, and as annotated bytes. */
export function writtenExchange(): string {
  return Object.entries(FIRST_EXCHANGE)
    .map(([name, frame]) => {
      const bytes = encodeFrame(frame)
      const who = name === 'Hello' || name === 'Send' ? 'The client' : 'The server'
      const json = `\`\`\`json\n${frameToJson(bytes)}\n\`\`\`\n`
      return `${who}: \`${name}\`, ${bytes.length} bytes.\n\n${json}\n\`\`\`text\n${annotated(bytes)}\`\`\`\n`
    })
    .join('\n')
}
