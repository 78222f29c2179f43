/**
 * One node with its gateway, and devices that speak to it over a wire: for stories of what a client would see.
 */
import { SharedCounts } from '../../src/access/shared-counts.js'
import { SharedRates } from '../../src/access/shared-rates.js'
import type { VerifyToken } from '../../src/access/token.js'
import type { AppId, UserId } from '../../src/domain/ids.js'
import { Metrics, newMetricRows } from '../../src/domain/metrics.js'
import { Admission } from '../../src/gateway/admission.js'
import { logGatewayEvents } from '../../src/gateway/events.js'
import { Gateway } from '../../src/gateway/gateway.js'
import type { SocketListener } from '../../src/gateway/socket-server.js'
import type { DecodedFrame, EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { seededRandom } from '../../src/std/random.js'
import { type MakeEnd, OneNode } from '../actors/one-node.js'
import type { SimLogServer } from '../sim/sim-log-server.js'
import type { ClientWire, WireEnd } from './wires.js'

const APP = 'demo' as AppId
/** Of Hello; the other refs of a connection are above. */
const HELLO_REF = 1

/** Signatures are tested elsewhere: here a token is the user's name. */
const verifyToken: VerifyToken = (token) => ({
  ok: true,
  app: APP,
  user: token as UserId,
  device: undefined,
  role: 'member',
  issuedAt: 0,
  expiresAt: Number.POSITIVE_INFINITY,
})

export class Device {
  readonly #end: WireEnd

  constructor(end: WireEnd) {
    this.#end = end
  }

  say(frame: EncodableFrame): void {
    this.#end.say(frame)
  }

  /** Since the last call, without steps of the conversation list: those come when they come. */
  heard(): DecodedFrame[] {
    return this.#end.heard().filter(({ kind }) => kind !== 'inbox')
  }
}

export class WiredNode {
  readonly #node: OneNode
  readonly #wire: ClientWire
  #open: (() => WireEnd) | undefined

  constructor(wire: ClientWire) {
    this.#wire = wire
    this.#node = new OneNode(this.#gatewayOf)
  }

  get log(): SimLogServer {
    return this.#node.log
  }

  run(ms: number): void {
    this.#node.run(ms)
  }

  /** A new life over the same log and store; every device is gone. */
  restart(): void {
    this.#node.start()
  }

  /** A device that asked for a lane and heard Welcome. */
  connect(user: string, device: string, random: bigint): Device {
    const connected = new Device(this.#open!())
    connected.say({ kind: 'hello', ref: HELLO_REF, token: user, device, lane: { number: 0, random } })
    this.run(100)
    const [welcome, ...rest] = connected.heard()
    if (welcome?.kind !== 'welcome' || rest.length > 0) throw new Error(`${user} was not welcomed: ${welcome?.kind}`)
    return connected
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
