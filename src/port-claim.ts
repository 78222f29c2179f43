/**
 * Finds out before anything starts whether the port can be had: workers share theirs (SO_REUSEPORT), so the kernel
 * would let a second server of the same user share it too, and half of its clients would meet strangers.
 */
import { createServer } from 'node:net'
import type { Config } from './config.js'

export class PortError extends Error {
  override readonly name = 'PortError'
}

/** The port to listen on: the configured one, or a free one for 0. Throws PortError. */
export async function claimPort({ host, port }: Pick<Config, 'host' | 'port'>): Promise<number> {
  const probe = createServer()
  try {
    return await new Promise<number>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen({ host, port, exclusive: true }, () => {
        const address = probe.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  } catch (cause) {
    throw new PortError(explain(host, port, (cause as NodeJS.ErrnoException).code), { cause })
  } finally {
    await new Promise<void>((resolve) => probe.close(() => resolve()))
  }
}

function explain(host: string, port: number, code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken by another program; stop it, or choose another PARLEY_PORT (0 picks a free one)`
    case 'EACCES':
      return `port ${port} needs rights this user does not have; choose a PARLEY_PORT above 1023`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `PARLEY_HOST ${host} is not an address of this machine`
    default:
      return `cannot listen on ${host}:${port} (${code})`
  }
}
