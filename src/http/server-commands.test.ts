import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { everyCommand } from '../../test/support/every-command.js'
import { ActorKind, type AppId, type UserId } from '../domain/ids.js'
import { ServerCommands } from './server-commands.js'

const by = {
  app: 'shop' as AppId,
  server: 'backend' as UserId,
  conversation: { kind: ActorKind.group, id: 'team' },
  key: 'k',
}

test('of the requests of servers reads are shed first, commands last', async () => {
  const asked: string[] = []
  const admission = {
    admits: (what: string) => {
      asked.push(what)
      return false
    },
    began() {},
    ended() {},
    retryAfterMs: () => 7,
  }
  const commands = new ServerCommands({ commands: { command: () => true } as never, admission })
  const kinds = new Map<string, string>()
  for (const frame of everyCommand({ user: 'a', peer: 'b', group: 'team', text: 'x', device: 'd' })) {
    deepEqual(await commands.ask(by, frame), { ok: false, refusal: 'overloaded', retryAfterMs: 7 })
    kinds.set(frame.kind, asked.at(-1)!)
  }
  const reads = [...kinds].filter(([, what]) => what === 'history').map(([kind]) => kind)
  deepEqual(reads.sort(), ['history', 'members', 'resume'])
})
