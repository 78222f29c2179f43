/**
 * One node with its gateway, and devices that speak to it over a wire: for stories of what a client would see.
 */

import type { KeyOrigin } from '../../src/access/key-ring.js'
import { SharedCounts } from '../../src/access/shared-counts.js'
import { SharedRates } from '../../src/access/shared-rates.js'
import type { VerifyToken } from '../../src/access/token.js'
import type { AppId, UserId } from '../../src/domain/ids.js'
import { Metrics, newMetricRows } from '../../src/domain/metrics.js'
import { Admission } from '../../src/gateway/admission.js'
import { logGatewayEvents } from '../../src/gateway/events.js'
import { Gateway } from '../../src/gateway/gateway.js'
import type { SocketListener } from '../../src/gateway/socket-server.js'
import type { LaneName } from '../../src/protocol/decoded-frame.js'
import { seededRandom } from '../../src/std/random.js'
import { type MakeEnd, OneNode } from '../actors/one-node.js'
import { Device, type LogRefusal, type Stage, type WireEnd } from './story.js'
import type { ClientWire } from './wires.js'

const APP = 'demo' as AppId
/** Of Hello; the other refs of a connection are above. */
const HELLO_REF = 1
const SETTLED_MS = 1_000

/** Signatures are tested elsewhere: here a token is the user's name. */
const verifyToken: VerifyToken = (token) => ({
  ok: true,
  app: APP,
  user: token as UserId,
  device: undefined,
  role: 'member',
  issuedAt: 0,
  expiresAt: Number.POSITIVE_INFINITY,
  keyOrigin: 'of tests' as KeyOrigin,
})

export class WiredNode implements Stage {
  readonly #node: OneNode
  readonly #wire: ClientWire
  #open: (() => WireEnd) | undefined

  constructor(wire: ClientWire) {
    this.#wire = wire
    this.#node = new OneNode(this.#gatewayOf)
  }

  run(ms: number): void {
    this.#node.run(ms)
  }

  restart(): void {
    this.run(SETTLED_MS)
    this.#node.start()
  }

  logIs(refusal: LogRefusal | undefined): void {
    this.#node.log.refusal = refusal
    if (refusal === undefined) this.run(SETTLED_MS)
  }

  connect(user: string, name: string, lane: LaneName): Device {
    const device = new Device(this.#open!())
    device.say({ kind: 'hello', ref: HELLO_REF, token: user, device: name, lane })
    this.run(100)
    return device
  }

  readonly #gatewayOf: MakeEnd = (node, commands, clock) => {
    const gateway = new Gateway({
      commands,
      admission: new Admission(clock, seededRandom(1)),
      clock,
      random: seededRandom(1),
      verifyToken,
      entrance: { refuses: () => undefined },
      counts: new SharedCounts(SharedCounts.memory(1, 0), 0),
      rates: new SharedRates(SharedRates.memory(0)),
      shardCount: node.shardCount,
      events: logGatewayEvents({ info: () => {}, warn: () => {} }, new Metrics(newMetricRows(1), 0)),
    })
    this.#open = this.#wire(gateway satisfies SocketListener)
    return gateway
  }
}
