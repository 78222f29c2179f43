/**
 * Finds out before anything starts whether the port can be had: workers share theirs (SO_REUSEPORT), so the kernel
 * would let a second server of the same user share it too, and half of its clients would meet strangers.
 */
import { createServer } from 'node:net'
import type { Config } from './config.js'
import type { Ports } from './process-messages.js'

export type PortVariable = 'PARLEY_PORT' | 'PARLEY_TCP_PORT'

export class PortError extends Error {
  override readonly name = 'PortError'
}

/** The ports to listen on: those configured, or free ones for 0. Throws PortError. */
export async function claimPorts({ host, port, tcpPort }: Pick<Config, keyof Ports | 'host'>): Promise<Ports> {
  const first = await claimPort(host, port, 'PARLEY_PORT')
  if (tcpPort === undefined) return { port: first, tcpPort }
  if (tcpPort === first) throw new PortError('PARLEY_PORT and PARLEY_TCP_PORT are the same; choose another for one')
  let second = await claimPort(host, tcpPort, 'PARLEY_TCP_PORT')
  while (second === first) second = await claimPort(host, tcpPort, 'PARLEY_TCP_PORT') // both free: drawn again
  return { port: first, tcpPort: second }
}

/** One of them: 0 gives a free one. Throws PortError, which names the variable. */
export async function claimPort(host: string, port: number, variable: PortVariable): Promise<number> {
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
    throw new PortError(explain(host, port, variable, (cause as NodeJS.ErrnoException).code), { cause })
  } finally {
    await new Promise<void>((resolve) => probe.close(() => resolve()))
  }
}

function explain(host: string, port: number, variable: PortVariable, code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken by another program; stop it, or choose another ${variable} (0 picks a free one${variable === 'PARLEY_TCP_PORT' ? ', off does without' : ''})`
    case 'EACCES':
      return `port ${port} needs rights this user does not have; choose a ${variable} above 1023`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `PARLEY_HOST ${host} is not an address of this machine`
    default:
      return `cannot listen on ${host}:${port} (${code})`
  }
}
