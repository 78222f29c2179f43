/**
 * A worker thread that publishes back whatever it receives on the bus.
 */
import { type MessagePort, workerData } from 'node:worker_threads'
import type { Address } from '../../src/log/bus.js'
import { PortBus } from '../../src/log/embedded/bus.js'

const { address, peer, port } = workerData as { address: Address; peer: Address; port: MessagePort }
const bus = new PortBus(address)
bus.onMessage((from, bytes) => bus.publish(from, bytes))
bus.connect(peer, port)
