/**
 * Which library serves WebSockets in this process: uWebSockets.js where it has a binary for this Node and platform, the
 * `ws` package everywhere else. Both pass test/conformance/socket-server.ts; what differs is what they cost.
 */
import type { SocketServer, SocketServerOptions } from './gateway/socket-server.js'
import { canSharePorts } from './std/port-sharing.js'

export interface SocketLibrary {
  readonly name: 'uWebSockets.js' | 'ws'
  /** Whether every worker can listen on one port here; otherwise the first worker alone does. */
  readonly canSharePort: boolean
  /** What the start banner says of it; undefined where all is as it should be. */
  readonly notice: string | undefined
  open(options: SocketServerOptions): SocketServer
}

export async function socketLibrary(
  importFast = () => import('./gateway/uws/socket-server.js'),
): Promise<SocketLibrary> {
  try {
    const { UwsSocketServer } = await importFast()
    const open: SocketLibrary['open'] = (options) => new UwsSocketServer(options)
    return { name: 'uWebSockets.js', canSharePort: true, notice: undefined, open }
  } catch {
    const { WsSocketServer } = await import('./gateway/ws/socket-server.js')
    const { platform, arch, versions } = process
    return {
      name: 'ws',
      canSharePort: canSharePorts(),
      notice:
        `ws: uWebSockets.js has no binary for Node ${versions.node} on ${platform}-${arch}; ` +
        'about half as much CPU again per message and half as much memory per connection (Node 20 and 22 have one)',
      open: (options) => new WsSocketServer(options),
    }
  }
}
