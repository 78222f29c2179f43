/**
 * Whether several threads may listen on one port with sockets of their own, for the kernel to spread connections over
 * (SO_REUSEPORT): Node's net module can since 22.12 and 23.1, where the kernel can.
 */
import type { Server } from 'node:net'

declare module 'node:net' {
  interface ListenOptions {
    reusePort?: boolean
  }
}

export function canSharePorts(nodeVersion = process.versions.node, platform: string = process.platform): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  return platform === 'linux' && (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12))
}

/** Starts to accept; resolves with the port. Rejects where the address is taken or forbidden. */
export function listenOn(
  server: Server,
  { host, port, sharesPort }: { readonly host: string; readonly port: number; readonly sharesPort: boolean },
): Promise<number> {
  return new Promise((resolve, reject) => {
    // It stays: to accept may fail later, for want of files, and then the next connection is tried.
    server.on('error', (cause) =>
      reject(new Error(`Cannot listen on ${host}:${port}: the address is taken or forbidden`, { cause })),
    )
    server.listen({ host, port, exclusive: true, reusePort: sharesPort && canSharePorts() }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
