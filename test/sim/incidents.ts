/** Faults that have a moment of their own: drawn over the active time, undone when healing begins. */
import type { ShardId } from '../../src/domain/ids.js'
import type { Random } from '../../src/std/random.js'
import { between, pick, wholeBetween } from './draw.js'
import type { SimClient } from './sim-client.js'
import type { World } from './world.js'
import { INCIDENTS, type Incident } from './world-plan.js'

export class Incidents {
  readonly #world: World
  readonly #random: Random

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
  }

  schedule(): void {
    const { plan, time } = this.#world
    for (const incident of INCIDENTS) {
      const count = Math.round(plan.incidents[incident])
      for (let left = count; left > 0; left--) {
        time.after(between(this.#random, 0, plan.activeMs), () => this.#happen(incident))
      }
    }
  }

  #happen(incident: Incident): void {
    const { coverage, devices } = this.#world
    coverage.count(`incident: ${incident}`)
    switch (incident) {
      case 'crash':
        return this.crash(this.#anyNode())
      case 'crash between effects':
        this.#world.nodes[this.#anyNode()]!.host.effectsLeft = wholeBetween(this.#random, 1, 100)
        return
      case 'pause':
        return this.#pause(this.#anyNode())
      case 'bus cut':
        return this.#cut()
      case 'leader lost':
        return this.#world.log.loseLeader(between(this.#random, 500, 8_000))
      case 'log full':
        return this.#refuse('full')
      case 'log read-only':
        return this.#refuse('read-only')
      case 'log nearly full':
        return this.#nearlyFill()
      case 'shard moved':
        return this.#world.placement.move(this.#anyShard())
      case 'shard contended':
        return this.#world.placement.contend(this.#anyShard())
      case 'client reconnects':
        return this.#anyClient().session.reconnect()
      case 'client sleeps':
        return this.#sleep()
      case 'client reinstalled':
        return devices.reinstall(this.#anyClient())
      case 'client reinstalled in haste':
        return devices.reinstallInHaste(this.#anyClient())
      case 'device opened twice':
        return devices.openTwice(this.#anyClient())
      case 'storage copied':
        return devices.copy(this.#anyClient())
      case 'client put away':
        return devices.putAway(this.#anyClient())
    }
  }

  /** The node dies now; another life of it starts after a while. */
  crash(index: number): void {
    const { nodes } = this.#world
    this.#world.note(`${nodes[index]!.host.name} crashes`)
    nodes[index]!.host.crash()
  }

  /** What a node's death brings about, however it died. */
  died(index: number): void {
    const { nodes, time, placement, isHealing } = this.#world
    const node = nodes[index]!
    this.#world.note(`${node.host.name} is gone`)
    time.after(between(this.#random, 200, 1_500), () => placement.nodeGone(index, node.address))
    time.after(isHealing ? 100 : between(this.#random, 200, 5_000), () => this.#restart(index, node.host.name))
  }

  #restart(index: number, name: string): void {
    const { nodes, placement } = this.#world
    if (nodes[index]!.host.name !== name) return
    this.#world.startNode(index)
    placement.announce()
  }

  #pause(index: number): void {
    const { host } = this.#world.nodes[index]!
    const forMs = pick(this.#random, [100, 2_000, 20_000])
    this.#world.note(`${host.name} stands still for ${forMs} ms`)
    host.pause()
    if (forMs > 1_000)
      this.#world.time.after(between(this.#random, 800, 1_500), () => this.#world.placement.suspect(index))
    this.#world.time.after(forMs, () => host.resume())
  }

  #cut(): void {
    const { nodes, bus, time } = this.#world
    const [a, b] = [pick(this.#random, nodes), pick(this.#random, nodes)]
    if (a === b) return
    this.#world.note(`${a.host.name} and ${b.host.name} cannot hear each other`)
    bus.cut(a.host, b.host)
    time.after(between(this.#random, 200, 5_000), () => bus.join(a.host, b.host))
  }

  #refuse(why: 'full' | 'read-only'): void {
    const { log, time } = this.#world
    this.#world.note(`the log is ${why}`)
    log.refusal = why
    time.after(between(this.#random, 200, 3_000), () => {
      log.refusal = undefined
    })
  }

  #nearlyFill(): void {
    const { log, time } = this.#world
    this.#world.note('the log is nearly full')
    log.isNearlyFull = true
    time.after(between(this.#random, 200, 3_000), () => {
      log.isNearlyFull = false
    })
  }

  #sleep(): void {
    const { host } = this.#anyClient()
    host.pause()
    this.#world.time.after(between(this.#random, 100, 60_000), () => host.resume())
  }

  /** Ends everything that has not ended. */
  heal(): void {
    const { nodes, devices } = this.#world
    for (const { host } of [...nodes, ...devices.running]) host.resume()
    for (const [index, { host }] of nodes.entries()) {
      host.effectsLeft = undefined
      if (!host.isUp) this.#restart(index, host.name)
    }
  }

  #anyClient(): SimClient {
    return pick(this.#random, this.#world.devices.running)
  }

  #anyNode(): number {
    return this.#random.uint32() % this.#world.nodes.length
  }

  #anyShard(): ShardId {
    return (this.#random.uint32() % this.#world.plan.shardCount) as ShardId
  }
}
