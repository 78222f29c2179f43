/**
 * durable and fanout: the server and the bare relay take turns under the same clients, window and size.
 *
 * `durable` stands for direct chats of many people at once: 200 clients in pairs, both sides send, window 8, 256-byte
 * bodies; every ack follows an fsync. Its two numbers: messages a second acked *and* delivered, and server CPU for each.
 *
 * `fanout` stands for one busy group: 1,000 members online, 10 of them send, window 4. Its number: deliveries a second.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab, Round, Side } from '../lab.js'
import { provenance, type Result, rounded, totals, verdictFields } from '../result.js'

/** Between being welcome and being measured, a session's memory comes to rest. */
const SETTLE_MS = 500
/** After the first, a round needs only to find its pace again. */
const AGAIN_SECONDS = 0.5

export async function againstRelay(lab: Lab, shape: 'pairs' | 'group'): Promise<Result> {
  const { options, pace } = lab
  const target = await lab.server()
  await sleep(SETTLE_MS)
  const emptyBytes = target.processes.residentBytes()
  const server = await lab.join(target, lab.plan(shape))
  await sleep(SETTLE_MS)
  const sessionBytes = (target.processes.residentBytes() - emptyBytes) / options.clients
  const relay = options.relay ? await lab.join(await lab.relay(), lab.plan(shape)) : undefined

  const ours: Round[] = []
  const theirs: Round[] = []
  for (let turn = 0; turn < options.rounds; turn++) {
    const warmUpSeconds = turn === 0 ? options.warmUpSeconds : Math.min(AGAIN_SECONDS, options.warmUpSeconds)
    const span = { warmUpSeconds, seconds: options.seconds / options.rounds }
    ours.push(await lab.round(server, pace, span))
    if (relay !== undefined) theirs.push(await lab.round(relay, pace, span))
  }

  const verdict = await lab.verify(server)
  return {
    ...provenance(options, lab.cores),
    ...totals(ours),
    serverRssBytesPerSession: Math.round(sessionBytes),
    serverRssBytesAtEnd: target.processes.residentBytes(),
    ...(relay === undefined ? { relayRatio: null } : await relayFields(lab, relay, ours, theirs)),
    ...verdictFields(verdict),
  }
}

async function relayFields(lab: Lab, relay: Side, ours: readonly Round[], theirs: readonly Round[]) {
  const measure = lab.options.scenario === 'fanout' ? 'deliveredPerSecond' : 'ackedPerSecond'
  const [server, bare] = [totals(ours), totals(theirs)]
  const { violations, complaints } = await relay.load.ask('verify', { readBack: false })
  if (violations > 0) throw new Error(`The relay misbehaves, so nothing can be compared with it: ${complaints[0]}`)
  return {
    relayRatio: rounded(server[measure] / bare[measure], 3),
    relayAckedPerSecond: bare.ackedPerSecond,
    relayDeliveredPerSecond: bare.deliveredPerSecond,
    relayCpuMicrosPerMessage: bare.serverCpuMicrosPerMessage,
    relayClientCpu: bare.clientCpu,
  }
}
