/** What is refused first where too much is under way: reads, then who comes new, commands last. */
import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { everyCommand } from '../../test/support/every-command.js'
import { GatewayRig, inWords } from '../../test/support/gateway-rig.js'
import type { EncodableFrame } from '../protocol/decoded-frame.js'

const COMMANDS = everyCommand({ user: 'alice', peer: 'bob', group: 'team', text: 'hi', device: 'tablet' })
/** Not refused: watches are the gateway's own, and what somebody types is just not passed on. */
const SILENT = ['watch', 'typing']
const READS = ['history', 'members', 'resume']

test('history and other reads are shed first, then Hello, commands last', () => {
  const rig = new GatewayRig({ inFlightMax: 1e6, framesPerSecondMax: 1e6, userFramesPerSecondMax: 1e6 })
  const socket = rig.welcomed('alice')
  const send = COMMANDS.find(({ kind }) => kind === 'send')!
  /** Kind → how much was under way when it was refused first. */
  const shedAt = new Map<string, number>()
  /** What is let in stays under way. */
  const attempt = (frame: EncodableFrame, on = socket) => {
    on.messages.length = 0
    rig.send(on, frame)
    rig.clock.tick()
    const isShed = inWords(on.frames()).some((words) => words.endsWith('overloaded'))
    if (isShed) shedAt.set(frame.kind, rig.gateway.load.inFlight)
  }
  while (!shedAt.has('send')) {
    for (let n = 0; n < 64; n++) rig.send(socket, send)
    for (const frame of COMMANDS) if (!SILENT.includes(frame.kind) && !shedAt.has(frame.kind)) attempt(frame)
    if (!shedAt.has('hello')) attempt(rig.hello(`user ${shedAt.size}`), rig.connect())
  }
  // Signals may be lost, so they go before anything is refused that may not.
  const typing = COMMANDS.find(({ kind }) => kind === 'typing')!
  rig.owners.commands.length = 0
  rig.send(socket, typing)
  deepEqual([rig.owners.commands, inWords(socket.frames())], [[], []])
  const kinds = [...new Set(COMMANDS.map(({ kind }) => kind))].filter((kind) => !SILENT.includes(kind))
  const commands = kinds.filter((kind) => !READS.includes(kind))
  const ats = (names: readonly string[]) => names.map((name) => shedAt.get(name) ?? Number.NaN)
  const [reads, hello, others] = [Math.max(...ats(READS)), shedAt.get('hello')!, Math.min(...ats(commands))]
  ok(reads < hello - 1_000 && hello < others - 1_000, `${reads}, ${hello}, ${others}`)
})
