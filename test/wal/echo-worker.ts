/**
 * A worker thread that publishes back whatever it receives on the bus.
 */
import { type MessagePort, workerData } from 'node:worker_threads'
import type { Address } from '../../src/log/bus.js'
import { MessagePortBus } from '../../src/log/embedded/bus.js'

const { address, control } = workerData as { address: Address; control: MessagePort }
const bus = new MessagePortBus(address, control)
bus.onMessage((from, bytes) => bus.publish(from, bytes))
