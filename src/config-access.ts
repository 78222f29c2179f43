/**
 * Who may connect, as it is written in parley.toml: apps with their keys, and lists of origins and addresses. Every key,
 * origin and address is tried here, so that a wrong one is found at start and not at somebody's Hello. No message quotes
 * a key.
 */
import { z } from 'zod'
import { type AccessConfig, ALGORITHMS, type KeyDescription } from './access/access-config.js'
import { isLoopback } from './access/address.js'
import { addressList } from './access/entrance.js'
import { isGuessable, MAKE_ONE } from './access/guessable-secret.js'
import { ROLES } from './access/role.js'
import { SECRET_BYTES_MIN, verifyingKey } from './access/verifying-key.js'
import { ID_BYTES_MAX, isId } from './domain/ids.js'

const APPS_MAX = 1_000
const KEYS_MAX = 16
const RANGES_MAX = 10_000
const PUBLIC_ALGORITHMS = ALGORITHMS.filter((alg) => alg !== 'HS256')

const kid = z.string().min(1).max(128).optional()
const publicAlg = z.enum(PUBLIC_ALGORITHMS)

const Key = z.union(
  [
    z.strictObject({
      kid,
      alg: z.literal('HS256'),
      secret: z
        .string()
        .refine((text) => Buffer.byteLength(text) >= SECRET_BYTES_MIN, `must have at least ${SECRET_BYTES_MIN} bytes`),
    }),
    z.strictObject({ kid, alg: publicAlg, pem: z.string() }),
    z.strictObject({ kid, alg: publicAlg, jwk: z.record(z.string(), z.unknown()) }),
  ],
  `must be { kid, alg = "HS256", secret of at least ${SECRET_BYTES_MIN} bytes } or { kid, alg = ${PUBLIC_ALGORITHMS.join(' | ')}, pem or jwk }`,
)

const App = z.strictObject({
  id: z.string().refine((id) => isId(id, ID_BYTES_MAX), `must be an id of 1 to ${ID_BYTES_MAX} bytes`),
  keys: z.array(Key, 'must be a list of keys').max(KEYS_MAX, `must have at most ${KEYS_MAX} keys`).default([]),
  jwks: z
    .strictObject({
      url: z.string().refine(isFetchable, 'must be an https address (http on loopback only) without user and password'),
      algs: z.array(publicAlg).min(1).default(PUBLIC_ALGORITHMS),
      roles: z.array(z.enum(ROLES)).min(1).default(['member']),
    })
    .optional(),
  issuer: z.string().min(1).optional(),
  audience: z.string().min(1).optional(),
})

export const Apps = z
  .array(App, 'must be a list of apps: [[apps]]')
  .min(1, 'must name an app, or be left out')
  .max(APPS_MAX, `must be at most ${APPS_MAX} apps`)
  .check(({ value, issues }) => {
    for (const message of wrongApps(value)) issues.push({ code: 'custom', message, input: value })
  })

export const Origins = z
  .array(z.string(), 'must be a list of origins')
  .max(RANGES_MAX)
  .refine((origins) => origins.every(isOrigin), 'must be origins such as https://chat.example')

export const Addresses = z
  .array(z.string(), 'must be a list of addresses')
  .max(RANGES_MAX)
  .refine(areAddresses, 'must be addresses or ranges, such as 10.0.0.7 or 10.0.0.0/8')

/** Of values that were found valid. */
export function accessOf(values: {
  readonly apps?: z.infer<typeof Apps> | undefined
  readonly access: {
    readonly origins?: string[] | undefined
    readonly allow?: string[] | undefined
    readonly deny: string[]
    readonly proxies: string[]
  }
}): AccessConfig {
  const { origins, allow, deny, proxies } = values.access
  return { apps: values.apps as AccessConfig['apps'], origins, addresses: { allow, deny }, proxies }
}

function* wrongApps(apps: z.infer<typeof Apps>): Iterable<string> {
  const seen = new Set<string>()
  for (const { id, keys, jwks, issuer, audience } of apps) {
    const names = [`app ${id}`, ...(issuer === undefined ? [] : [`issuer ${issuer}`])]
    for (const name of names) if (seen.has(name)) yield `must differ: ${name} is there twice`
    for (const name of names) seen.add(name)
    if (keys.length === 0 && jwks === undefined) yield `must have keys or jwks: nobody could connect to app ${id}`
    if (issuer !== undefined && jwks !== undefined && audience === undefined) {
      yield `must have an audience: app ${id} would let in whoever has a token of ${issuer}, made for any service`
    }
    const kids = keys.map((key) => key.kid)
    if (new Set(kids).size < kids.length) yield `must give each key of app ${id} its own kid; at most one has none`
    for (const key of keys) {
      try {
        verifyingKey(key as KeyDescription)
        if (key.alg === 'HS256' && isGuessable(key.secret)) throw new Error(`people can guess it; ${MAKE_ONE}`)
      } catch (error) {
        yield `must have good keys: app ${id}, key ${key.kid ?? 'without kid'}: ${(error as Error).message}`
      }
    }
  }
}

function areAddresses(ranges: readonly string[]): boolean {
  try {
    addressList(ranges)
    return true
  } catch {
    return false
  }
}

function isFetchable(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname, username, password } = new URL(url)
  if (username !== '' || password !== '') return false // they would end up in logs
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text
}
