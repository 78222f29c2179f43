/** The client library for Node. Built into dist/client/node.js. */
import { Client } from './client/client.js'
import type { ClientOptions } from './client/client-options.js'
import { FileStorage } from './client/node/file-storage.js'
import { nodeWebSocket } from './client/node/web-socket.js'
import type { ClientStorage } from './client/storage.js'
import { webSocketTransport } from './client/web/web-socket.js'
import { lockFolder } from './log/embedded/folder-lock.js'
import { PLATFORM_CLOCK } from './std/platform-clock.js'
import { SYSTEM_RANDOM } from './std/random.js'

export * from './client/public.js'

export class ParleyClient extends Client {
  constructor(options: ClientOptions) {
    const transport = webSocketTransport(nodeWebSocket)
    super(options, { transport, clock: PLATFORM_CLOCK, random: SYSTEM_RANDOM })
  }
}

/** Keeps the queue in a folder of its own, for one client at a time. */
export function fileStorage(folder: string): ClientStorage {
  return new FileStorage({ folder, lock: lockFolder })
}
