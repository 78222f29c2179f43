/**
 * Who may knock at all: addresses, origins of web pages and, in development, only this machine under its own names. Asked
 * before a WebSocket is accepted and before an HTTP request is answered; the token comes after.
 */
import { BlockList, isIP } from 'node:net'
import type { RefusalName } from '../domain/refusal.js'
import type { AccessConfig } from './access-config.js'
import { isLoopback, plainAddress } from './address.js'

/** What is known of a peer before it has said anything of ours. */
export interface Arrival {
  readonly remoteAddress: string
  /** The header; empty where an HTTP client sends none, undefined on a wire that has no such thing. */
  readonly host: string | undefined
  /** Which web page is asking; empty or undefined where it is none. */
  readonly origin: string | undefined
  /** A proxy says that it brings somebody else: the address and perhaps the host are its own. */
  readonly isForwarded: boolean
}

export interface EntranceOptions extends Pick<AccessConfig, 'origins' | 'addresses' | 'proxies'> {
  /**
   * A web page of anybody's may open connections to loopback, and a name of its own may be made to lead there (DNS
   * rebinding): with the development key only loopback's names, and pages that came from there, are let in. Nor is what
   * a proxy on this machine brings: it would be the whole network.
   */
  readonly isLoopbackOnly: boolean
}

export class Entrance {
  readonly #options: EntranceOptions
  readonly #allowed: BlockList | undefined
  readonly #denied: BlockList
  readonly #proxies: BlockList

  /** Throws an Error where an address is none. */
  constructor(options: EntranceOptions) {
    this.#options = options
    const { allow, deny } = options.addresses
    this.#allowed = allow === undefined ? undefined : addressList(allow)
    this.#denied = addressList(deny)
    this.#proxies = addressList(options.proxies)
  }

  /** Undefined: come in. */
  refuses({ remoteAddress, host, origin, isForwarded }: Arrival): RefusalName | undefined {
    if (!this.#isAddressAllowed(remoteAddress)) return 'address-denied'
    if (this.#options.isLoopbackOnly) {
      if (isForwarded) return 'address-denied'
      if (host !== undefined && !isLoopbackHost(host)) return 'origin-denied'
      return origin && !isLoopbackUrl(origin) ? 'origin-denied' : undefined
    }
    const { origins } = this.#options
    return origin && origins !== undefined && !origins.includes(origin) ? 'origin-denied' : undefined
  }

  /** Whether this peer speaks for others: then the address that it names is the one that counts. */
  isProxy(remoteAddress: string): boolean {
    const address = plainAddress(remoteAddress)
    const family = familyOf(address)
    return family !== undefined && this.#proxies.check(address, family)
  }

  #isAddressAllowed(remoteAddress: string): boolean {
    const address = plainAddress(remoteAddress)
    const family = familyOf(address)
    if (family === undefined) return this.#allowed === undefined
    if (this.#denied.check(address, family)) return false
    return this.#allowed === undefined || this.#allowed.check(address, family)
  }
}

/** As the header has it; a URL's parser would take more for a name than a browser writes. */
function isLoopbackHost(host: string): boolean {
  const name = /^(?:\[([\da-f:]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host)
  return name !== null && isLoopback((name[1] ?? name[2]!).toLowerCase())
}

function isLoopbackUrl(url: string): boolean {
  if (!URL.canParse(url)) return false // `null` among them: a page from a file or a sandbox
  const { hostname, username, pathname } = new URL(url)
  return username === '' && pathname === '/' && isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'))
}

/** Throws an Error naming what is no address. */
export function addressList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits, ...rest] = range.split('/')
    // A zone names a link of this machine, which the addresses of peers do not.
    const family = rest.length > 0 || address.includes('%') ? undefined : familyOf(address)
    const bitsMax = family === 'ipv4' ? 32 : 128
    if (family === undefined || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax))) {
      throw new Error(`${range} is no address or range, such as 10.0.0.7 or 10.0.0.0/8`)
    }
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address)
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6'
}
